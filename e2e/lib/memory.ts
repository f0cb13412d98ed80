import { Namespace } from './namespace';
import { Pod } from './pods';

export interface Memory {
  readonly container: string;
  /** In bytes, as the kubelet counts it before it kills: without cached pages of files that it could drop at once. */
  readonly used: number;
  readonly limit: number;
}

/** The container's own cgroup, of version 2 or 1; by `cat` alone, as the store's image has no grep. */
const LOOK = `cd /sys/fs/cgroup
if [ -e memory.max ]; then cat memory.current memory.max memory.stat
else cd memory; cat memory.usage_in_bytes memory.limit_in_bytes memory.stat; fi`;

/** What each container of these pods holds now, beside its limit. */
export function memoryOf(namespace: Namespace, pods: Pod[]): Memory[] {
  return pods.flatMap(({ metadata, status }) =>
    [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])]
      .filter(({ state }) => state?.running)
      .flatMap(({ name }) => {
        const { status: exit, stdout } = namespace.try(['exec', metadata.name, '-c', name, '--', 'sh', '-c', LOOK]);
        // The pod may end between the two looks.
        if (exit !== 0) return [];
        const [used, limit] = stdout.split('\n');
        const [, inactive] = /^total_inactive_file (\d+)$/m.exec(stdout) ?? /^inactive_file (\d+)$/m.exec(stdout)!;
        return [
          {
            container: `${metadata.name}/${name}`,
            used: Number(used) - Number(inactive),
            limit: Number(limit),
          },
        ];
      }),
  );
}
