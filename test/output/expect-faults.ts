import { goodPlatform } from './good-platform';
import { Check, Manifest, title } from './manifests';

/** One fault: its name, a function that adds it to an object, and the expected finding. */
export type Fault = [name: string, add: (find: (title: string) => any, objects: Manifest[]) => void, finding: RegExp];

/** Tests that a check finds nothing in the good platform, and only the fault in a platform with a fault. */
export function expectFaults(check: Check, faults: Fault[]): void {
  test('finds nothing in a good platform', () => expect(check(goodPlatform())).toEqual([]));

  test.each(faults)('finds %s', (_, add, finding) => {
    const objects = goodPlatform();
    add((wanted) => {
      const found = objects.find((object) => title(object) === wanted);
      if (!found) throw new Error(`no ${wanted} in the good platform`);
      return found;
    }, objects);
    const found = check(objects);
    expect(found.join('\n')).toMatch(finding);
    expect(found).toHaveLength(1);
  });
}
