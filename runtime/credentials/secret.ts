import { generate, htpasswd, type RandomSource } from './generators';
import type { PlannedSecret } from './plan';

/** The label by which people and GitOps tools tell these Secrets from those that lie in a repository. */
export const managedBy = { 'app.kubernetes.io/managed-by': 'cdk8s-mlflow-credentials' };

const description =
  'Generated in the cluster by the credentials Job and never overwritten by it; no repository holds a copy.';

export interface NewSecret {
  /** The body to send. */
  readonly manifest: unknown;
  /** Every generated value in every spelling that an answer might echo. */
  readonly confidential: readonly string[];
}

export function newSecret(planned: PlannedSecret, namespace: string, random: RandomSource): NewSecret {
  const values = generateValues(planned, random);
  const encoded = new Map([...values].map(([key, value]) => [key, Buffer.from(value, 'utf8').toString('base64')]));
  const generated = Object.entries(planned.keys).filter(([, key]) => 'generate' in key);
  return {
    manifest: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: planned.name,
        namespace,
        labels: { ...planned.labels, ...managedBy },
        annotations: { 'kubernetes.io/description': description, ...planned.annotations },
      },
      type: planned.type ?? 'Opaque',
      data: Object.fromEntries(encoded),
    },
    confidential: generated.flatMap(([key]) => {
      const value = values.get(key)!;
      return [value.slice(value.indexOf('}') + 1).trim(), encoded.get(key)!];
    }),
  };
}

/** In the plan's order; htpasswd lines last of all, as they are made of the others. */
function generateValues(planned: PlannedSecret, random: RandomSource): Map<string, string> {
  const values = new Map<string, string>();
  for (const [name, key] of Object.entries(planned.keys)) {
    if ('value' in key) values.set(name, key.value);
    else if (key.generate !== 'htpasswd') values.set(name, generate(key.generate, random));
  }
  for (const [name, key] of Object.entries(planned.keys)) {
    if ('generate' in key && key.generate === 'htpasswd') {
      values.set(name, htpasswd(values.get(key.username)!, values.get(key.password)!, random));
    }
  }
  return values;
}
