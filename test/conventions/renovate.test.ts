import { readFileSync } from 'fs';
import { join } from 'path';
import { customManagers } from '../../.github/renovate.json';
import { Images } from '../../lib';
import { devDependencies } from '../../package.json';
import { pages } from '../docs/pages';
import { ROOT } from '../support/run';

/** The matches of one of its expressions in a file, as `name@version`. */
function found(manager: (typeof customManagers)[number], file: string): string[] {
  // A pattern between slashes is a regular expression.
  expect(manager.managerFilePatterns.some((pattern) => new RegExp(pattern.slice(1, -1)).test(file))).toBe(true);
  const text = readFileSync(join(ROOT, file), 'utf8');
  return manager.matchStrings
    .flatMap((expression) => [...text.matchAll(new RegExp(expression, 'g'))])
    .map(({ groups }) => `${groups!.depName}@${groups!.currentValue}`);
}

test('Renovate finds every image', () => {
  const images = Object.values(Images).map((image: string) => image.replace(/:(?=[^:]*$)/, '@'));
  expect(found(customManagers[1], 'lib/images.ts').sort()).toEqual(images.sort());
});

test('Renovate finds every package that .projenrc.ts pins', () => {
  const pinned = Object.entries(devDependencies)
    .map(([name, version]) => `${name}@${version}`)
    // The version of projen is in another setting, `projenVersion`.
    .filter((pin) => /@\d/.test(pin) && !pin.startsWith('projen@'));
  expect(pinned.length).toBeGreaterThan(5);
  expect(found(customManagers[0], '.projenrc.ts').sort()).toEqual(pinned.sort());
});

test('Renovate finds every image of the guide, by the expression of the guide', () => {
  const { blocks } = pages.find(({ file }) => file === 'docs/how-to/pin-images.md')!;
  const code = (language: string) => blocks.find((block) => block.language === language)!.code;
  const [{ matchStrings }] = JSON.parse(code('json')).customManagers;
  // Users set the image of CloudNativePostgres by a prop of it.
  const images = (Object.values(Images) as string[]).filter((image) => image !== Images.CLOUD_NATIVE_POSTGRES);
  const pinned = code('ts').replace(images[1], `${images[1]}@sha256:${'a'.repeat(64)}`);
  const pins = [...pinned.matchAll(new RegExp(matchStrings[0], 'g'))].map(({ groups }) => groups!);
  expect(pins.map(({ depName, currentValue }) => `${depName}:${currentValue}`)).toEqual(images);
  expect(pins[1].currentDigest).toBe(`sha256:${'a'.repeat(64)}`);
});
