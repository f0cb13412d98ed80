import { Namespace } from './namespace';
import { Pod } from './pods';

export interface Memory {
  readonly container: string;
  /** Working set in bytes, which the kubelet compares with the limit: without inactive cached pages of files. */
  readonly used: number;
  readonly limit: number;
}

/** Reads the container's own cgroup, version 2 or 1, only with `cat`: the store's image has no grep. */
const LOOK = `cd /sys/fs/cgroup
if [ -e memory.max ]; then cat memory.current memory.max memory.stat
else cd memory; cat memory.usage_in_bytes memory.limit_in_bytes memory.stat; fi`;

/** The memory of each container of these pods now, and its limit. */
export function memoryOf(namespace: Namespace, pods: Pod[]): Memory[] {
  return pods.flatMap(({ metadata, status }) =>
    [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])]
      .filter(({ state }) => state?.running)
      .flatMap(({ name }) => {
        const { status: exit, stdout } = namespace.try(['exec', metadata.name, '-c', name, '--', 'sh', '-c', LOOK]);
        // The pod may end between the two commands.
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
