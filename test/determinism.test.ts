import { tmpdir } from 'os';
import { join } from 'path';
import { RunOptions, written } from './support/run';

const program = join(__dirname, 'support/synth-platforms.ts');
const first = written(program);

test('the compared apps contain several platforms, each with its monitor', () => {
  expect(Object.keys(first).sort()).toEqual(
    [
      'azure',
      'external',
      'full',
      'mysql',
      'oidc',
      'operated-database',
      'operated',
      'permissions',
      'plain',
      'pods',
      'seaweed',
      'small',
      'tenants',
      'trusting',
    ].flatMap((name) => [...(name === 'operated-database' ? [] : [`${name}-monitoring.k8s.yaml`]), `${name}.k8s.yaml`]),
  );
});

test.each<[string, RunOptions]>([
  ['on a second run', {}],
  ['in another time zone', { env: { TZ: 'Pacific/Kiritimati' } }],
  // German formats numbers in another way, and Lithuanian sorts y next to i.
  ['in German', { env: { LANG: 'de_DE.UTF-8', LC_ALL: 'de_DE.UTF-8' } }],
  ['in Lithuanian', { env: { LANG: 'lt_LT.UTF-8', LC_ALL: 'lt_LT.UTF-8' } }],
  ['without a locale', { env: { LANG: 'C', LC_ALL: 'C' } }],
  ['in another working directory', { cwd: tmpdir() }],
  ['for another user', { env: { HOME: '/nonexistent', USER: 'somebody', HOSTNAME: 'elsewhere' } }],
])('a platform has the same bytes %s', (_how, options) => {
  const again = written(program, options);
  expect(Object.keys(again)).toEqual(Object.keys(first));
  for (const [file, text] of Object.entries(again)) expect(text === first[file]).toBe(true);
});
