import { ClientPod } from './client-pod';
import { Namespace } from './namespace';

interface Report {
  /** Number of requests and connections. */
  readonly tried: number;
  /** Requests that were not refused: [where, what, answer]. */
  readonly got_in: string[][];
}

const KNOWN_PORTS = [5000, 5432, 8080, 9000, 9001, 9090];

/** Clients without a password: in the namespace of the platform, in another namespace, and on the node. */
export class Intruders {
  public static start(namespace: Namespace, elsewhere: Namespace, ofTheNode: Namespace): Intruders {
    elsewhere.kubectl('create', 'namespace', elsewhere.name);
    ofTheNode.kubectl('create', 'namespace', ofTheNode.name);
    ofTheNode.kubectl('label', 'namespace', ofTheNode.name, 'pod-security.kubernetes.io/enforce=privileged');
    return new Intruders({
      'a pod of the same namespace': ClientPod.start(namespace, 'intruder'),
      'a pod of another namespace': ClientPod.start(elsewhere, 'intruder'),
      'the node': ClientPod.start(ofTheNode, 'intruder', { hostNetwork: true }),
    });
  }

  private constructor(public readonly pods: Record<string, ClientPod>) {}

  /** The result of `each` if every request was refused. */
  public get nothing(): Record<string, never[]> {
    return Object.fromEntries(Object.keys(this.pods).map((place) => [place, []]));
  }

  /** Runs `act` from all clients at once. */
  public async each<T>(act: (from: ClientPod) => Promise<T>): Promise<Record<string, T>> {
    const acts = Object.entries(this.pods).map(async ([place, from]) => [place, await act(from)] as const);
    return Object.fromEntries(await Promise.all(acts));
  }
}

/**
 * The open ports of every pod and Service, as seen from one pod. All ports of a pod are tried. Of a Service, which
 * forwards only its own ports, the ports on which the platform listens are tried.
 *
 * @param addresses by name; names of Services begin with `Service `
 * @param every whether all ports of pods are tried, or only those on which the platform listens
 */
export async function openPorts(
  from: ClientPod,
  addresses: Record<string, string>,
  every = true,
): Promise<Record<string, number[]>> {
  const targets = Object.entries(addresses).map(([name, address]) =>
    every && !name.startsWith('Service ') ? address : `${address}=${KNOWN_PORTS}`,
  );
  const found = await from.report<Record<string, number[]>>('ports.py', ...targets);
  return Object.fromEntries(Object.entries(addresses).map(([name, address]) => [name, found[address]]));
}

/** The requests that were not refused. Throws if the program sent fewer requests than `least`. */
export async function gotIn(from: ClientPod, least: number, program: string, ...args: string[]): Promise<string[][]> {
  const { tried, got_in } = await from.report<Report>(program, ...args);
  if (tried < least) throw new Error(`${program} sent ${tried} requests; expected at least ${least}`);
  return got_in;
}
