import { Size } from 'cdk8s';
import { ClaimMount, Connection, SecretFiles, SecretVariable } from './connection';
import { EnvVar, Volume, VolumeMount } from './manifest';
import { quantity } from './resources';

/** The folder with the files of `SecretVariable`s. */
export const SECRETS_DIRECTORY = '/run/secrets/mlflow';

export function environment(values: Record<string, string>): EnvVar[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

/** A variable with the name of the pod, or of its node. */
export function fromField(name: string, fieldPath: string): EnvVar {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}

/** An empty folder of the node, or of its memory, that a container with a read-only root may write to. */
export function scratch(name: string, sizeLimit: Size, medium?: 'Memory'): Volume {
  return { name, emptyDir: { sizeLimit: quantity(sizeLimit), medium } };
}

/** One read-only volume in which each file has the name of an environment variable. */
export function secretVolume(name: string, variables: SecretVariable[]): Volume {
  const bySecret = new Map<string, SecretVariable[]>();
  for (const variable of variables) {
    bySecret.set(variable.secretName, [...(bySecret.get(variable.secretName) ?? []), variable]);
  }
  return {
    name,
    projected: {
      defaultMode: 0o440,
      sources: [...bySecret].map(([secretName, items]) => ({
        secret: { name: secretName, items: items.map(({ key, variable }) => ({ key, path: variable })) },
      })),
    },
  };
}

/** The claim of a StatefulSet, with all that the API server would add: it compares the list as a whole. */
export function claimTemplate(name: string, storage: Size, storageClassName?: string) {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: quantity(storage) } },
      storageClassName,
      volumeMode: 'Filesystem',
    },
    status: { phase: 'Pending' },
  };
}

/** Annotations that the connections ask of the pod's ServiceAccount, e.g. a cloud role. */
export function accountAnnotations(connections: Connection[]): Record<string, string> {
  return Object.assign({}, ...connections.map((connection) => connection.serviceAccountAnnotations ?? {}));
}

export interface Mounted {
  readonly volumes: Volume[];
  readonly mounts: VolumeMount[];
  readonly environment: Record<string, string>;
}

/**
 * Volumes, mounts and environment of a container that has these connections.
 *
 * @param prefix of the volumes' names, if another container of the pod has fewer connections
 */
export function mountConnections(connections: Connection[], more: SecretVariable[] = [], prefix = ''): Mounted {
  const variables = [...connections.flatMap((connection) => connection.secretVariables ?? []), ...more];
  const files = connections.flatMap((connection) => connection.secretFiles ?? []);
  const claims = distinct(connections.flatMap((connection) => connection.claims ?? []));
  const claimNames = [...new Set(claims.map(({ claimName }) => claimName))];
  const names = { secrets: `${prefix}secrets`, files: `${prefix}files`, claim: `${prefix}claim` };
  const volumes: Volume[] = [
    ...(variables.length > 0 ? [secretVolume(names.secrets, variables)] : []),
    ...files.map((each, index) => fileVolume(`${names.files}-${index}`, each)),
    ...claimNames.map((claimName, index) => ({
      name: `${names.claim}-${index}`,
      persistentVolumeClaim: { claimName },
    })),
  ];
  const mounts: VolumeMount[] = [
    ...(variables.length > 0 ? [{ name: names.secrets, mountPath: SECRETS_DIRECTORY, readOnly: true }] : []),
    ...files.map(({ directory }, index) => ({
      name: `${names.files}-${index}`,
      mountPath: directory,
      readOnly: true,
    })),
    ...claims.map(({ claimName, directory }) => ({
      name: `${names.claim}-${claimNames.indexOf(claimName)}`,
      mountPath: directory,
    })),
  ];
  return {
    volumes,
    mounts,
    environment: Object.assign({}, ...connections.map((connection) => connection.environment)),
  };
}

/** A pod with two volumes of one claim does not start on every cluster. */
function distinct(claims: ClaimMount[]): ClaimMount[] {
  return [...new Map(claims.map((claim) => [JSON.stringify([claim.claimName, claim.directory]), claim])).values()];
}

function fileVolume(name: string, files: SecretFiles): Volume {
  return {
    name,
    secret: {
      secretName: files.secretName,
      defaultMode: 0o440,
      items: files.keys.map((key) => ({ key, path: key })),
    },
  };
}
