import { Images, MlflowPlatform } from '../../lib';
import { mirrored } from '../../lib/kubernetes/pod-options';
import { imageRule } from '../../lib/kubernetes/rules';
import { Rendered, synth } from '../support/synth';

/** Every image of every pod. */
function imagesOf(objects: Rendered[]): string[] {
  const containers = objects.flatMap(({ spec }) => {
    const pod = spec?.template?.spec ?? {};
    return [...(pod.initContainers ?? []), ...(pod.containers ?? [])];
  });
  return [...new Set<string>(containers.map(({ image }) => image))].sort();
}

test('every image of the library is pinned, and says its registry', () => {
  for (const image of Object.values(Images) as string[]) {
    expect(imageRule(image).wrong).toBe(false);
    expect(image).toMatch(/^[a-z0-9-]+(\.[a-z0-9-]+)+\//);
  }
});

test('a platform runs the images of lib/images.ts and no other', () => {
  expect(imagesOf(synth((chart) => new MlflowPlatform(chart, 'mlflow')))).toEqual(Object.values(Images).sort());
});

describe('a mirror', () => {
  test.each(['registry.example.com/mirror', 'registry.example.com/mirror/', 'localhost:5000/mirror'])(
    '%s',
    (registry) => {
      const expected = `${registry.replace(/\/$/, '')}/library/postgres:17`;
      expect(mirrored('docker.io/library/postgres:17', { imageRegistry: registry })).toBe(expected);
    },
  );

  test('without one each image keeps its registry', () => {
    expect(mirrored('docker.io/library/postgres:17', {})).toBe('docker.io/library/postgres:17');
  });

  test('holds every image of a platform, those of its Jobs included', () => {
    const pods = { imageRegistry: 'mirror.example.com' };
    for (const image of imagesOf(synth((chart) => new MlflowPlatform(chart, 'mlflow', { pods })))) {
      expect(image).toMatch(/^mirror\.example\.com\//);
    }
  });

  test('an image that is given by name stays as it is', () => {
    const pods = { imageRegistry: 'mirror.example.com' };
    const postgres = { image: 'registry.example.com/postgres:17.6' };
    const images = imagesOf(synth((chart) => new MlflowPlatform(chart, 'mlflow', { pods, postgres })));
    expect(images).toContain('registry.example.com/postgres:17.6');
  });
});
