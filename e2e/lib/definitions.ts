import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { run } from './process';

const LABEL = 'cdk8s-mlflow/made-by';
const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

/** A kind that is only to be there: whole, the schemas of some are MBs. */
export interface Kind {
  readonly group: string;
  readonly version?: string;
  readonly kind: string;
  readonly plural: string;
  readonly scope?: 'Namespaced' | 'Cluster';
}

/** The definition of a kind whose objects may be anything. */
export function ofAnything({ group, version = 'v1', kind, plural, scope = 'Namespaced' }: Kind): any {
  // Groups of Kubernetes' own want to be approved, or told that they are not.
  const annotations = { 'api-approved.kubernetes.io': 'unapproved, takes anything' };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, annotations: group.endsWith('.k8s.io') ? annotations : undefined },
    spec: {
      group,
      names: { kind, plural },
      scope,
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: anything },
        },
      ],
    },
  };
}

/** A definition of crds/, which has the schema of `spec`, with a status. */
export function ofCrds(file: string): any {
  const definition = parse(readFileSync(join(__dirname, '..', '..', 'crds', file), 'utf8'));
  const [version] = definition.spec.versions;
  version.subresources = { status: {} };
  version.schema.openAPIV3Schema.properties.status = anything;
  return definition;
}

/** Objects of the whole cluster, for one test. What the cluster has of them already stays as it is, at the end too. */
export class Additions {
  /** @param name by which they are known again */
  constructor(private readonly name: string) {}

  public add(...objects: any[]): void {
    for (const object of objects) {
      object.metadata.labels = { [LABEL]: this.name };
      const made = run('kubectl', ['create', '--filename', '-'], { input: JSON.stringify(object) });
      if (made.status !== 0 && !made.stderr.includes('AlreadyExists')) throw new Error(made.stderr);
    }
    const established = ['--for=condition=established', '--all', '--timeout=60s'];
    const { status, stderr } = run('kubectl', ['wait', 'customresourcedefinition', ...established]);
    if (status !== 0) throw new Error(stderr);
  }

  public remove(): void {
    for (const kind of ['namespace', 'customresourcedefinition']) {
      run('kubectl', ['delete', kind, '--selector', `${LABEL}=${this.name}`, '--timeout=180s']);
    }
  }
}
