import { Finding } from '../finding';
import { Part, partOf } from '../part';
import { all, find, SecretFacts, Snapshot, title } from '../snapshot';
import { runs, templateOf, workloads } from '../workload';

/** A Secret or a ConfigMap that pods need. */
export interface Reference {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly namespace: string;
  readonly name: string;
  /** The keys that pods need. None: all that it has. */
  readonly keys: Set<string>;
  readonly users: any[];
}

/** Secrets, ConfigMaps and ServiceAccounts that the pods of the platform name. */
export function referenceFindings(snapshot: Snapshot): Finding[] {
  const references = referencesOf(snapshot);
  return [
    ...references.flatMap((reference) =>
      reference.kind === 'Secret' ? ofSecret(snapshot, reference) : ofConfigMap(snapshot, reference),
    ),
    ...accounts(snapshot),
  ];
}

/** The Secrets and ConfigMaps that pods cannot start without, each once. */
export function referencesOf(snapshot: Pick<Snapshot, 'objects'>): Reference[] {
  const found = new Map<string, Reference>();
  for (const workload of workloads(snapshot as Snapshot).filter(runs)) {
    const { namespace } = workload.metadata;
    const add = (kind: Reference['kind'], name: string, keys: string[]) => {
      const id = `${kind} ${namespace} ${name}`;
      if (!found.has(id)) found.set(id, { kind, namespace, name, keys: new Set(), users: [] });
      const reference = found.get(id)!;
      keys.forEach((key) => reference.keys.add(key));
      if (!reference.users.includes(workload)) reference.users.push(workload);
    };
    walk(templateOf(workload).spec, add);
  }
  return [...found.values()];
}

function walk(spec: any, add: (kind: Reference['kind'], name: string, keys: string[]) => void): void {
  const items = (source: any) => (source.items ?? []).map(({ key }: any) => key);
  for (const volume of spec.volumes ?? []) {
    for (const source of [volume, ...(volume.projected?.sources ?? [])]) {
      if (source.secret && !source.secret.optional) {
        add('Secret', source.secret.secretName ?? source.secret.name, items(source.secret));
      }
      if (source.configMap && !source.configMap.optional) {
        add('ConfigMap', source.configMap.name, items(source.configMap));
      }
    }
  }
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    for (const { valueFrom } of container.env ?? []) {
      const { secretKeyRef, configMapKeyRef } = valueFrom ?? {};
      if (secretKeyRef && !secretKeyRef.optional) add('Secret', secretKeyRef.name, [secretKeyRef.key]);
      if (configMapKeyRef && !configMapKeyRef.optional) add('ConfigMap', configMapKeyRef.name, [configMapKeyRef.key]);
    }
    for (const { secretRef, configMapRef } of container.envFrom ?? []) {
      if (secretRef && !secretRef.optional) add('Secret', secretRef.name, []);
      if (configMapRef && !configMapRef.optional) add('ConfigMap', configMapRef.name, []);
    }
  }
  for (const { name } of spec.imagePullSecrets ?? []) add('Secret', name, []);
}

interface PlannedSecret {
  readonly keys: Record<string, { readonly generate?: string }>;
}

/** The Secret as the credentials Job creates it, or undefined if it does not. */
function planned(snapshot: Snapshot, namespace: string, name: string): PlannedSecret | undefined {
  for (const { metadata, data } of all(snapshot, 'ConfigMap')) {
    const text = data?.['credentials.json'];
    if (!text) continue;
    const plan = parse(text);
    const own = metadata.namespace === namespace;
    const secret = own && (plan.secrets ?? []).find((each: any) => each.name === name);
    if (secret) return secret;
    for (const { prefix, file, users } of plan.logins ?? []) {
      const copies = Object.values<string[]>(users ?? {}).flat();
      const names = Object.keys(users ?? {}).map((user) => `${prefix}${user.split('.')[1]}-login`);
      if ((own && (file === name || names.includes(name))) || copies.includes(`${namespace}/${name}`)) {
        return { keys: {} };
      }
    }
  }
  return undefined;
}

function parse(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

const usersOf = ({ users }: Reference) => users.map(title).join(', ');

function ofSecret(snapshot: Snapshot, reference: Reference): Finding[] {
  const { namespace, name, users } = reference;
  const about = {
    object: `secret/${name}`,
    namespace,
    parts: partsOf(users),
    severity: 'error' as const,
  };
  const plan = planned(snapshot, namespace, name);
  const secret = snapshot.secrets.find((each) => each.name === name && each.namespace === namespace);
  if (!secret) {
    if (!snapshot.seen.has('Secret') || (plan && isComing(snapshot))) return [];
    return [
      {
        ...about,
        check: 'secret-missing',
        says: `The Secret ${name} does not exist. ${usersOf(reference)} cannot start a pod without it.`,
        todo: plan
          ? `Restore it from your backup of the cluster, or let the Job create it with new values: docs/how-to/run-a-job-again.md, component credentials.`
          : `Create it with the keys ${list(reference.keys) || 'that the pods expect'}.`,
      },
    ];
  }
  const lacks = [...reference.keys].filter((key) => !secret.keys[key]);
  if (lacks.length > 0) {
    return [
      {
        ...about,
        check: 'secret-key-missing',
        says: `The Secret ${name} has no key ${list(lacks)}. ${usersOf(reference)} cannot start a pod without it.`,
        todo: `Add the key: kubectl edit secret -n ${namespace} ${name}`,
      },
    ];
  }
  const wrong = wrongKeys(secret, reference, plan);
  if (wrong.length === 0) return [];
  return [
    {
      ...about,
      check: 'secret-shape',
      says: `The Secret ${name} has a value of the wrong form: ${wrong.join(', ')}. ${usersOf(reference)} uses it.`,
      todo: `Correct the value: kubectl edit secret -n ${namespace} ${name}. Which pods to restart then: docs/how-to/rotate-a-password.md.`,
    },
  ];
}

function wrongKeys(secret: SecretFacts, { keys }: Reference, plan: PlannedSecret | undefined): string[] {
  return [...keys].flatMap((key) => {
    const facts = secret.keys[key];
    if (facts.blank) return [`${key} is empty`];
    const kind = plan?.keys[key]?.generate;
    if (kind === 'htpasswd' && !facts.htpasswd) return [`${key} has no line 'user:hash' as in an htpasswd file`];
    if (kind === 'fernet' && !facts.fernet) return [`${key} is no Fernet key of 32 bytes in base64`];
    return [];
  });
}

/** Whether the credentials Job has not ended: its own findings say why. */
function isComing(snapshot: Snapshot): boolean {
  const jobs = workloads(snapshot).filter((job) => job.kind === 'Job' && partOf(job).role === 'credentials');
  return jobs.length > 0 && jobs.every(({ status }) => !status?.succeeded);
}

function ofConfigMap(snapshot: Snapshot, reference: Reference): Finding[] {
  const { namespace, name, users } = reference;
  if (!snapshot.seen.has('ConfigMap') || find(snapshot, 'ConfigMap', namespace, name)) return [];
  return [
    {
      check: 'config-map-missing',
      severity: 'error',
      object: `configmap/${name}`,
      namespace,
      parts: partsOf(users),
      says: `The ConfigMap ${name} does not exist. ${usersOf(reference)} cannot start a pod without it.`,
      todo: 'Apply the YAML of the platform again.',
    },
  ];
}

function accounts(snapshot: Snapshot): Finding[] {
  if (!snapshot.seen.has('ServiceAccount')) return [];
  return workloads(snapshot)
    .filter(runs)
    .flatMap((workload) => {
      const { namespace } = workload.metadata;
      const name = templateOf(workload).spec.serviceAccountName;
      if (!name || find(snapshot, 'ServiceAccount', namespace, name)) return [];
      return [
        {
          check: 'service-account-missing',
          severity: 'error' as const,
          object: `serviceaccount/${name}`,
          namespace,
          parts: [partOf(workload)],
          says: `The ServiceAccount ${name} does not exist. ${title(workload)} cannot start a pod without it.`,
          todo: 'Apply the YAML of the platform again.',
        },
      ];
    });
}

function partsOf(users: any[]): Part[] {
  return users.map(partOf);
}

const list = (keys: Iterable<string>) => [...keys].map((key) => `'${key}'`).join(', ');
