// The links of README, docs, CONTRIBUTING and the examples point to existing files and headings.
import { existsSync, readFileSync, readdirSync } from 'fs';
import { dirname, join, relative } from 'path';
import { pages } from './pages';
import { ROOT } from '../support/run';

/** A heading's anchor, as GitHub and the site write it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

function anchorsIn(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8').replaceAll(/^```[^]*?^```$/gm, '');
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading));
}

const others = readdirSync(join(ROOT, 'examples'), { recursive: true, encoding: 'utf8' })
  .filter((file) => /(^|\/)README\.md$/.test(file) && !file.includes('node_modules'))
  .map((file) => `examples/${file}`);
const linked = ['CONTRIBUTING.md', ...others].map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }));

const links = [...pages, ...linked].flatMap(({ file, text }) =>
  [...text.replaceAll(/^ *```[^]*?^ *```$/gm, '').matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => ({ file, target }))
    .filter(({ target }) => !/^https?:/.test(target)),
);

test('the pages contain links, also with an anchor', () => {
  expect(links.length).toBeGreaterThan(50);
  expect(links.map(({ target }) => target)).toContainEqual(expect.stringContaining('#'));
});

test.each(links)('the link of $file exists: $target', ({ file, target }) => {
  const [path, anchor] = target.split('#');
  const to = path === '' ? file : relative(ROOT, join(ROOT, dirname(file), path));
  expect(existsSync(join(ROOT, to)) ? to : `no file ${to}`).toBe(to);
  if (anchor !== undefined) expect(anchorsIn(to)).toContain(anchor);
});

// Readers do not find a page that no index names.
test.each(['how-to', 'explanation', 'decisions', 'reference'])(
  'docs/%s/README.md links to each page of its folder',
  (kind) => {
    const folder = pages.filter(({ file }) => file.startsWith(`docs/${kind}/`)).map(({ file }) => file);
    const index = folder
      .filter((file) => /\/(README|constructs)\.md$/.test(file))
      .flatMap((each) => links.filter(({ file }) => file === each));
    const named = index.map(({ target }) => `docs/${kind}/${target}`);
    expect(folder.filter((file) => !file.endsWith('/README.md') && !named.includes(file))).toEqual([]);
  },
);
