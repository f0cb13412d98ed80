import { join } from 'node:path';
import { kubectl, kubectlJson, namespace, run, until } from './kubectl';

const root = join(__dirname, '..', '..');
export const manifest = join(root, 'e2e', 'output', 'mlflow.k8s.yaml');

export function synth(): void {
  const result = run(process.execPath, ['--import', 'tsx', 'e2e/app.ts'], { env: { E2E_NAMESPACE: namespace } });
  if (result.status !== 0) throw new Error(result.stderr);
}

export function apply(): string[] {
  return kubectl('apply', '--filename', manifest).trim().split('\n');
}

/** What applied is, object by object; a write that changes something changes its generation. */
export function versions(): Record<string, string> {
  const { items } = kubectlJson<{ items: any[] }>('get', '--filename', manifest);
  return Object.fromEntries(
    items.map(({ kind, metadata, spec, data, rules, subjects }) => [
      `${kind}/${metadata.name}`,
      JSON.stringify([metadata.generation, metadata.labels, spec, data, rules, subjects]),
    ]),
  );
}

export interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status: {
    readonly phase: string;
    readonly conditions?: { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: { readonly name: string; readonly restartCount: number }[];
    readonly initContainerStatuses?: { readonly name: string; readonly restartCount: number }[];
  };
}

export function pods(selector: string): Pod[] {
  return kubectlJson<{ items: Pod[] }>('get', 'pods', '--selector', selector).items;
}

export function isReady(pod: Pod): boolean {
  return !!pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
}

export function restarts(pod: Pod): number {
  const statuses = [...(pod.status.containerStatuses ?? []), ...(pod.status.initContainerStatuses ?? [])];
  return statuses.reduce((sum, status) => sum + status.restartCount, 0);
}

/** Waits until this many servers are Ready, and the database and the store too. */
export async function untilReady(servers: number, seconds: number): Promise<void> {
  await until(`${servers} servers, database and store Ready`, seconds, () => {
    const all = pods('app.kubernetes.io/part-of=mlflow').filter((pod) => !pod.metadata.deletionTimestamp);
    const ready = (prefix: string) => all.filter((pod) => pod.metadata.name.startsWith(prefix)).filter(isReady).length;
    return (
      ready('mlflow-server-') >= servers && ready('mlflow-postgres-0') === 1 && ready('mlflow-minio-0') === 1
    );
  });
}

export function remove(): void {
  run('kubectl', ['delete', 'namespace', namespace, '--ignore-not-found', '--wait', '--timeout', '180s']);
}
