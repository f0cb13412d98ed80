import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { run } from './process';

const LABEL = 'cdk8s-mlflow/made-by';
const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

/** A kind without its schema: some schemas are several megabytes. */
export interface Kind {
  readonly group: string;
  readonly version?: string;
  readonly kind: string;
  readonly plural: string;
  readonly scope?: 'Namespaced' | 'Cluster';
}

/** A CRD that accepts any object of the kind. */
export function ofAnything({ group, version = 'v1', kind, plural, scope = 'Namespaced' }: Kind): any {
  // Kubernetes requires this annotation for groups under *.k8s.io.
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

/** A CRD of crds/, which has the schema of `spec`, with a status. */
export function ofCrds(file: string): any {
  const definition = parse(readFileSync(join(__dirname, '..', '..', 'crds', file), 'utf8'));
  const [version] = definition.spec.versions;
  version.subresources = { status: {} };
  version.schema.openAPIV3Schema.properties.status = anything;
  return definition;
}

/** Cluster-scoped objects for one test. Objects that exist already are neither changed nor deleted. */
export class Additions {
  /** @param name value of the label of these objects */
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
