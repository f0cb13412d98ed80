import { Namespace } from './namespace';
import { until } from './process';
import { program } from './program';
import { Images } from '../../lib';

/**
 * What only the node can do to a pod. It takes a pod on that node with rights that ours never have, so a namespace of
 * its own without our restrictions, which the caller removes. Each fault says when it had happened.
 */
export class NodeFaults {
  constructor(
    private readonly namespace: Namespace,
    private readonly pods: Namespace,
  ) {}

  /** `kill -9` of a container's first process, from which its own signals cannot end it. */
  public async kill9(pod: string, processName: string): Promise<number> {
    const { metadata, spec } = this.pods.json('get', 'pod', pod);
    // Whoever runs as the same user may send signals.
    const { runAsUser } = spec.securityContext;
    return this.run(spec.nodeName, 'kill.py', [metadata.uid, processName], { runAsUser }, { hostPID: true });
  }

  /** The pod falls silent, as if its node had lost its power: its connections are not closed. */
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
}
