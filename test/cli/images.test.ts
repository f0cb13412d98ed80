import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { dirname, join } from 'path';
import { imagesOf } from '../../cli/images';
import { defaultImages } from '../support/images';
import { ROOT } from '../support/run';
import { errorOf } from '../support/synth';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'images-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}

test('images lists the images of dist/, which are in lib/images.ts, each once and sorted', () => {
  expect(imagesOf(join(ROOT, 'dist'))).toEqual(defaultImages);
});

const containers = (...images: string[]) => images.map((image) => ({ name: 'container', image }));

test.each<[string, object, string[]]>([
  ['a Pod', { kind: 'Pod', spec: { containers: containers('a:1') } }, ['a:1']],
  [
    'an init container',
    {
      kind: 'Deployment',
      spec: { template: { spec: { initContainers: containers('b:1'), containers: containers('a:1') } } },
    },
    ['a:1', 'b:1'],
  ],
  ['a Job', { kind: 'Job', spec: { template: { spec: { containers: containers('a:1', 'a:1') } } } }, ['a:1']],
  [
    'a CronJob',
    { kind: 'CronJob', spec: { jobTemplate: { spec: { template: { spec: { containers: containers('a:1') } } } } } },
    ['a:1'],
  ],
  ['an image volume', { kind: 'Pod', spec: { volumes: [{ name: 'model', image: { reference: 'm:1' } }] } }, ['m:1']],
  ['a CloudNativePG Cluster', { kind: 'Cluster', spec: { imageName: 'pg:17', instances: 3 } }, ['pg:17']],
  ['a List', { kind: 'List', items: [{ kind: 'Pod', spec: { containers: containers('a:1') } }] }, ['a:1']],
])('images %s', (_, object, images) => {
  write('one.yaml', JSON.stringify(object));
  expect(imagesOf(folder)).toEqual(images);
});

test('images ignores keys named image in labels, selectors, ConfigMaps and variables', () => {
  write(
    'one.yaml',
    JSON.stringify({
      kind: 'Deployment',
      metadata: { labels: { image: 'x' } },
      data: { image: 'x', script: 'image: x' },
      spec: {
        selector: { matchLabels: { image: 'x' } },
        template: { spec: { nodeSelector: { image: 'x' }, containers: [{ env: [{ name: 'image', value: 'x' }] }] } },
      },
    }),
  );
  expect(imagesOf(folder)).toEqual([]);
});

test('images reads all documents of all YAML files, also in subfolders, and no other file', () => {
  write('a.yaml', '---\nimage: b:1\n---\n---\nimage: a:1\n');
  write('team/b.yml', 'image: c:1\n');
  write('notes.txt', 'image: d:1\n');
  expect(imagesOf(folder)).toEqual(['a:1', 'b:1', 'c:1']);
  expect(imagesOf(join(folder, 'a.yaml'))).toEqual(['a:1', 'b:1']);
});

const synthesized = "expected the YAML that 'npx cdk8s synth' writes, e.g. the folder dist";

test.each<[string, string, string]>([
  ['a folder that does not exist', 'dist', `no such file or directory (ENOENT); ${synthesized}`],
  ['a folder below a file', 'notes.txt/dist', `not a directory (ENOTDIR); ${synthesized}`],
  ['a folder without YAML', '.', `no .yaml or .yml file; ${synthesized}`],
])('images refuses %s with its path and what is expected', (_, name, message) => {
  write('notes.txt', 'none');
  const path = name === '.' ? folder : join(folder, name);
  expect(errorOf(() => imagesOf(path))).toBe(`${path}: ${message}`);
});

test('images refuses a broken link in the folder, with its path', () => {
  const link = join(folder, 'link.yaml');
  symlinkSync(join(folder, 'nothing'), link);
  expect(errorOf(() => imagesOf(folder))).toBe(
    `${link}: no such file or directory (ENOENT); expected a file or a folder`,
  );
});

test('images names file, line and column of an error in YAML, also in the second document', () => {
  write('good.yaml', 'image: a:1\n');
  write('broken.yaml', 'kind: Pod\n---\nkind: Pod\nspec: {\n  image: [a\n');
  expect(errorOf(() => imagesOf(folder))).toMatch(new RegExp(`^${folder}/broken\\.yaml:[56]:\\d+: \\w`));
});

test('images names file and document of an alias without its anchor', () => {
  write('broken.yaml', 'kind: Pod\n---\nkind: Pod\nspec: *missing\n');
  expect(errorOf(() => imagesOf(folder))).toMatch(new RegExp(`^${folder}/broken\\.yaml:.* line 2: .*missing`));
});
