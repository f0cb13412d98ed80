import { ClientPod } from './client-pod';
import { Namespace } from './namespace';

interface Report {
  /** Requests, or ways in, that were tried. */
  readonly tried: number;
  /** What got more than a refusal: [where, what, answer]. */
  readonly got_in: string[][];
}

const KNOWN_PORTS = [5000, 5432, 8080, 9000, 9001, 9090];

/** Whoever has no password, at each place where somebody can be: beside the platform, elsewhere, and on the node. */
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

  /** What it is when nobody got anything. */
  public get nothing(): Record<string, never[]> {
    return Object.fromEntries(Object.keys(this.pods).map((place) => [place, []]));
  }

  /** All of them do it at once. */
  public async each<T>(act: (from: ClientPod) => Promise<T>): Promise<Record<string, T>> {
    const acts = Object.entries(this.pods).map(async ([place, from]) => [place, await act(from)] as const);
    return Object.fromEntries(await Promise.all(acts));
  }
}

/**
 * The open ports of every pod and Service, as one pod sees them. Pods are asked for all their ports, Services, of which
 * the cluster knows each port, for those that anything of ours listens on.
 *
 * @param addresses by name; those of Services begin so
 * @param every false for the known ports alone
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

/** What got more than a refusal. A program that tried little would be refused little. */
export async function gotIn(from: ClientPod, least: number, program: string, ...args: string[]): Promise<string[][]> {
  const { tried, got_in } = await from.report<Report>(program, ...args);
  if (tried < least) throw new Error(`${program} tried only ${tried} ways`);
  return got_in;
}
