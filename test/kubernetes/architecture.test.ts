// Nothing of the library is bound to one architecture of processors.
import { readFileSync, readdirSync, statSync } from 'fs';
import { join } from 'path';
import { Images } from '../../lib';
import { platforms } from '../support/platforms';
import { synth } from '../support/synth';

const ROOT = join(__dirname, '..', '..');
const BOUND = /\b(amd64|x86[-_]64|aarch64|arm64|i[36]86)\b/i;
const page = readFileSync(join(ROOT, 'docs/explanation/architectures.md'), 'utf8');

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}

test('no program of the library names an architecture, and none is compiled', () => {
  const programs = filesBelow(join(ROOT, 'runtime')).filter((path) => !path.includes('__pycache__'));
  expect(programs.length).toBeGreaterThan(50);
  for (const path of programs) {
    expect(path).toMatch(/\.(ts|py|sh|mjs)$/);
    expect([path, BOUND.test(readFileSync(path, 'utf8'))]).toEqual([path, false]);
  }
});

test('no default image has an architecture in its name', () => {
  for (const image of Object.values(Images)) expect(image).not.toMatch(BOUND);
});

test.each(['plain', 'oidc', 'seaweed', 'external'] as const)('no pod of the platform %s asks for one', (name) => {
  const objects = synth((chart) => void platforms[name](chart));
  expect(JSON.stringify(objects)).not.toMatch(/kubernetes\.io\/arch/);
});

test('the page tells of each default image from where its architectures are known', () => {
  for (const [name, image] of Object.entries(Images)) {
    const repository = image.replace(/:[^:/]*$/, '');
    const row = page.split('\n').find((line) => line.includes(`\`${repository}\``));
    expect([name, row]).toEqual([name, expect.stringMatching(/amd64, arm64.*https:\/\//)]);
  }
});
