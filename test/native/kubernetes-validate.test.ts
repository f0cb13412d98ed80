import { complaints } from './validator';
import { ROOT, filesOf, written } from '../support/run';

/*
 * Runs Kubernetes' own decoding and validation (test/native/kubernetes-validate, built by .ci/tools) on all outputs: the API
 * server must accept each of them. wrong-inputs.test.ts does so for wrong values.
 */

test('the validator reports an unknown field, a wrong type and a wrong value', () => {
  const pods = (spec: string) => `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {${spec}}\n`;
  const found = complaints({ a: pods('replica: 1'), b: pods("replicas: 'x'"), c: pods('replicas: -1') });
  for (const name of ['a', 'b', 'c']) expect(found).toContainEqual(expect.stringMatching(`^${name}: `));
});

test("Kubernetes' validation accepts every platform of the tests", () => {
  expect(complaints(written('test/support/synth-platforms.ts'))).toEqual([]);
});

test.each(['dist', 'examples/gitops/dist'])("Kubernetes' validation accepts %s", (folder) => {
  const files = Object.entries(filesOf(`${ROOT}/${folder}`)).filter(([name]) => name.endsWith('.yaml'));
  expect(complaints(Object.fromEntries(files))).toEqual([]);
});
