import { Images } from '../../../lib/images';
import { Finding } from '../finding';
import { partOf } from '../part';
import { Snapshot, title } from '../snapshot';
import { templateOf, workloads } from '../workload';

/** Images that are older than those of this version of the library. An image of your own is not compared. */
export function versionFindings(snapshot: Snapshot): Finding[] {
  const pinned = Object.values(Images).filter((image): image is string => typeof image === 'string');
  const found = new Map<string, { users: any[]; today: string }>();
  for (const workload of workloads(snapshot).filter(({ kind }) => kind !== 'Job')) {
    const { initContainers = [], containers = [] } = templateOf(workload).spec;
    for (const { image } of [...initContainers, ...containers]) {
      const today = pinned.find((pin) => isOlder(image, pin));
      if (!today) continue;
      if (!found.has(image)) found.set(image, { users: [], today });
      const { users } = found.get(image)!;
      if (!users.includes(workload)) users.push(workload);
    }
  }
  return [...found].map(([image, { users, today }]) => ({
    check: 'version-behind',
    severity: 'warning',
    object: title(users[0]),
    namespace: users[0].metadata.namespace,
    parts: users.map(partOf),
    says: `${users.map(title).join(', ')} runs ${image}; this version of cdk8s-mlflow runs ${today}.`,
    todo: "Synthesize with the new library, read 'npx cdk8s-mlflow diff', and apply: docs/how-to/upgrade-mlflow.md.",
  }));
}

/** Whether an image has the repository of another one, in any registry, and a lower version. @internal for tests */
export function isOlder(image: string, pin: string): boolean {
  const [own, pinned] = [split(image), split(pin)];
  if (own.repository !== pinned.repository || !own.tag || !pinned.tag) return false;
  const [numbers, wanted] = [numbersOf(own.tag), numbersOf(pinned.tag)];
  for (let place = 0; place < Math.min(numbers.length, wanted.length); place++) {
    if (numbers[place] !== wanted[place]) return numbers[place] < wanted[place];
  }
  return false;
}

function split(image: string): { repository: string; tag?: string } {
  const [, path, tag] = /^(.+?)(?::([^:/@]+))?(?:@.*)?$/.exec(image)!;
  return { repository: path.split('/').slice(-2).join('/'), tag };
}

const numbersOf = (tag: string) => (tag.match(/\d+/g) ?? []).map(Number);
