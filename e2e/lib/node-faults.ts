import { Namespace } from './namespace';
import { until } from './process';
import { program } from './program';
import { Images } from '../../lib';

/**
 * Faults that only the node can cause. They need a privileged pod on that node, in its own namespace, which the caller
 * removes. Each fault returns the time at which it had happened.
 */
export class NodeFaults {
  constructor(
    private readonly namespace: Namespace,
    private readonly pods: Namespace,
  ) {}

  /** Kills a container's first process with SIGKILL, which Linux ignores if it comes from inside the container. */
  public async kill9(pod: string, processName: string): Promise<number> {
    const { metadata, spec } = this.pods.json('get', 'pod', pod);
    // A process may send signals to processes of the same user.
    const { runAsUser } = spec.securityContext;
    return this.run(spec.nodeName, 'kill.py', [metadata.uid, processName], { runAsUser }, { hostPID: true });
  }

  /** Takes the pod's network down, as if its node had lost power: its connections are not closed. */
  public async cutOff(pod: string): Promise<number> {
    const index = this.pods.kubectl('exec', pod, '--', 'cat', '/sys/class/net/eth0/iflink').trim();
    const { spec } = this.pods.json('get', 'pod', pod);
    const root = { runAsUser: 0, capabilities: { add: ['NET_ADMIN'] } };
    return this.run(spec.nodeName, 'cut_off.py', [index], root, { hostNetwork: true });
  }

  private async run(
    nodeName: string,
    file: string,
    args: string[],
    securityContext: object,
    spec: object,
  ): Promise<number> {
    const { namespace } = this;
    if (namespace.try(['get', 'namespace', namespace.name]).status !== 0) {
      namespace.kubectl('create', 'namespace', namespace.name);
      const enforce = 'pod-security.kubernetes.io/enforce=privileged';
      namespace.kubectl('label', 'namespace', namespace.name, enforce);
    }
    const command = ['python', '-c', program(file), ...args];
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { generateName: 'fault-' },
      spec: {
        ...spec,
        nodeName,
        restartPolicy: 'Never',
        automountServiceAccountToken: false,
        containers: [{ name: 'fault', image: Images.MLFLOW, command, securityContext }],
      },
    };
    const made = namespace.try(['create', '--filename', '-', '--output', 'name'], { input: JSON.stringify(pod) });
    if (made.status !== 0) throw new Error(made.stderr);
    const name = made.stdout.trim();
    const phase = await until(`${file} ran`, 60, () => {
      const now = namespace.json('get', name).status.phase;
      return /Succeeded|Failed/.test(now) && now;
    });
    if (phase === 'Failed') throw new Error(`${file}: ${namespace.kubectl('logs', name)}`);
    return Date.now();
  }

  public remove(): void {
    this.namespace.remove();
  }
}
