import { goodPlatform } from './good-platform';
import { Check, Manifest, title } from './manifests';

/** One fault: what it is called, how an object gets it, and what the check has to say. */
export type Fault = [name: string, add: (find: (title: string) => any, objects: Manifest[]) => void, finding: RegExp];

/** A check finds nothing in the good platform, and each fault in a platform that has it, with nothing else. */
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
