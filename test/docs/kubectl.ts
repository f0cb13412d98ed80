// The objects, labels, containers and files that a kubectl command names.
import { Command } from './shell';

export interface Named {
  readonly verb: string;
  readonly namespace?: string;
  /** As `Deployment/mlflow-server`. A kind without a name is left out. */
  readonly objects: string[];
  /** Key, and its values, of which one must exist. */
  readonly labels: [string, string[]][];
  readonly container?: string;
  readonly files: string[];
  readonly unknown: string[];
}

const KINDS: Record<string, string> = {
  ...{
    configmap: 'ConfigMap',
    cronjob: 'CronJob',
    cm: 'ConfigMap',
    deployment: 'Deployment',
    event: 'Event',
    hpa: 'HorizontalPodAutoscaler',
    verticalpodautoscaler: 'VerticalPodAutoscaler',
  },
  ...{ externalsecret: 'ExternalSecret', gateway: 'Gateway', httproute: 'HTTPRoute' },
  ...{
    ingress: 'Ingress',
    job: 'Job',
    namespace: 'Namespace',
    networkpolicy: 'NetworkPolicy',
    node: 'Node',
    pod: 'Pod',
  },
  ...{
    pvc: 'PersistentVolumeClaim',
    role: 'Role',
    rolebinding: 'RoleBinding',
    secret: 'Secret',
    serviceaccount: 'ServiceAccount',
    service: 'Service',
    statefulset: 'StatefulSet',
  },
  ...{ backup: 'Backup', cluster: 'Cluster', database: 'Database' },
  ...{ storageclass: 'StorageClass', svc: 'Service', servicemonitor: 'ServiceMonitor' },
  ...{ poddisruptionbudget: 'PodDisruptionBudget', pv: 'PersistentVolume' },
};
/** Options with a value, and those without. */
const WITH_VALUE = [
  ...['-n', '-l', '-f', '-c', '-o', '--for', '--timeout', '--tail', '--replicas', '--from-file', '--from-literal'],
  ...['-L', '--sort-by', '--dry-run', '--type', '--from', '--cert', '--key', '--as'],
  ...['--max-log-requests', '--verb', '--resource', '--resource-name', '--role', '--serviceaccount'],
];
const WITHOUT_VALUE = [
  '-A',
  '--all',
  '--containers',
  '--all-containers',
  '-i',
  '-it',
  '--ignore-not-found',
  '--force-conflicts',
  '--server-side',
  '--local',
  ...['--ignore-daemonsets', '--delete-emptydir-data'],
];
const VERBS = [
  ...['apply', 'cluster-info', 'create', 'delete', 'describe', 'diff', 'drain', 'exec', 'get', 'label', 'logs'],
  ...['port-forward', 'rollout', 'scale', 'set', 'top', 'uncordon', 'wait'],
];

export function namedBy([, ...words]: Command): Named {
  const end = words.indexOf('--');
  const own = (end < 0 ? words : words.slice(0, end)).filter((word) => word !== undefined);
  const options = new Map<string, string[]>();
  const others: string[] = [];
  const unknown: string[] = [];
  for (let at = 0; at < own.length; at++) {
    const word = own[at];
    if (/^\d?[<>]/.test(word)) {
      at++;
    } else if (!word.startsWith('-')) {
      others.push(word);
    } else {
      const [option, value] = word.split(/=(.*)/s);
      const takes = WITH_VALUE.includes(option);
      if (!takes && !WITHOUT_VALUE.includes(option)) unknown.push(word);
      if (takes) options.set(option, [...(options.get(option) ?? []), value ?? own[++at] ?? '']);
    }
  }
  const [verb, ...rest] = others;
  if (!VERBS.includes(verb)) unknown.push(verb);
  return {
    verb,
    namespace: options.get('-n')?.[0],
    objects: objectsOf(verb, rest, unknown),
    labels: (options.get('-l') ?? []).flatMap(labelsOf),
    container: options.get('-c')?.[0],
    files: (options.get('-f') ?? []).filter((file) => file !== '-'),
    unknown,
  };
}

function objectsOf(verb: string, words: string[], unknown: string[]): string[] {
  // `set env` changes objects from a file or from standard input. `drain` and `uncordon` name a node of the reader's.
  if (['apply', 'diff', 'cluster-info', 'set', 'drain', 'uncordon'].includes(verb)) return [];
  const kindOf = (word: string): string => {
    const kind = KINDS[word] ?? KINDS[word.replace(/s$/, '')];
    if (!kind) unknown.push(word);
    return kind;
  };
  // label namespace mlflow key-, rollout status …, create secret generic …, top pod …
  if (verb === 'label') return [`${kindOf(words[0])}/${words[1]}`];
  const named = verb === 'rollout' ? words.slice(1) : words.filter((word) => word !== 'generic');
  if (verb === 'logs' || verb === 'exec' || verb === 'port-forward') {
    return named.slice(0, 1).map((word) => titled(word.includes('/') ? word : `pod/${word}`, kindOf));
  }
  if (named.every((word) => word.includes('/'))) return named.map((word) => titled(word, kindOf));
  const [kinds, ...names] = named;
  return kinds.split(',').flatMap((kind) => {
    const known = kindOf(kind);
    return names.map((name) => `${known}/${name}`);
  });
}

function titled(word: string, kindOf: (kind: string) => string): string {
  const [kind, name] = word.split('/');
  return `${kindOf(kind)}/${name}`;
}

function labelsOf(selector: string): [string, string[]][] {
  const within = /^([\w./-]+) in \((.*)\)$/.exec(selector);
  if (within) return within[2].split(/, */).map((value) => [within[1], [value]]);
  return selector.split(',').map((pair) => [pair.split('=')[0], [pair.split('=')[1]]]);
}
