import { ApiObject, Chart, Size } from 'cdk8s';
import { Construct } from 'constructs';
import { instanceOf } from './instance';
import { checkInputs, checkedScope } from '../inputs/inputs';
import { ClaimMount, ConnectionClient } from '../kubernetes/connection';
import { findApiObject } from '../kubernetes/find-api-object';
import { apiObject } from '../kubernetes/manifest';
import { quantity, sizeRule, storageClassRules } from '../kubernetes/resources';
import { check, nameRule, objectNameRule, sameNamespaceRule } from '../kubernetes/rules';

const DIRECTORY = '/mlflow-data';

/** Its data is deleted with the claim: these annotations keep GitOps controllers from deleting it. */
const KEPT = {
  'argocd.argoproj.io/sync-options': 'Delete=false,Prune=false',
  'kustomize.toolkit.fluxcd.io/prune': 'disabled',
};

/** A volume for the data of one server: a database, artifacts, or both. */
export interface IDataVolume {
  /** Name of the PersistentVolumeClaim. */
  readonly claimName: string;

  /** Folder in the containers. */
  readonly directory: string;

  /**
   * Registers a client. Returns what its pods mount.
   *
   * @param client the workload that mounts the volume
   */
  mountFrom(client: ConnectionClient): ClaimMount;
}

/** Options of a volume. */
export interface DataVolumeProps {
  /**
   * Size of the volume: `resources.requests.storage`. A larger value in a later synth enlarges it if its class allows
   * that. A smaller one is refused by Kubernetes.
   * @default Size.gibibytes(20)
   */
  readonly storage?: Size;
  /**
   * Storage class of the volume. It must not be a network file system if a database is on it: SQLite needs the locks of a
   * local one.
   * @default - the cluster's default class
   */
  readonly storageClassName?: string;
}

/**
 * A PersistentVolumeClaim with access mode ReadWriteOnce for `Database.sqlite(…)` and `ArtifactStore.volume(…)`, named by
 * its id. It is in the output, so `kubectl delete -f` deletes it with all data. Annotations make Argo CD and Flux keep it.
 *
 * Objects, by the ids for `apiObject()`: `claim`.
 */
export class DataVolume extends Construct implements IDataVolume {
  /**
   * An existing PersistentVolumeClaim in the namespace of the server, which pods of one node at least can mount.
   *
   * @param claimName name of the claim, e.g. `mlflow-data`
   */
  public static fromClaim(claimName: string): IDataVolume {
    checkInputs('DataVolume.fromClaim', { claimName });
    return new ExistingVolume(claimName);
  }

  /** Name of the PersistentVolumeClaim. */
  public readonly claimName: string;
  /** Folder in the containers. */
  public readonly directory = DIRECTORY;

  private readonly namespace?: string;

  /**
   * @param scope the chart, or a construct in a chart, that contains it
   * @param id names the claim: a DNS label
   * @param props size and storage class
   */
  constructor(scope: Construct, id: string, props: DataVolumeProps = {}) {
    super(checkedScope('DataVolume', scope, id), id);
    checkInputs('new DataVolume', { scope, id, props }, this);
    const instance = instanceOf(this);
    this.claimName = instance.root === this ? id : `${instance.name}-${id}`;
    this.namespace = Chart.of(this).namespace;
    const storage = props.storage ?? Size.gibibytes(20);
    check(this, [
      nameRule('the name', this.claimName),
      sizeRule('storage', storage),
      ...storageClassRules(props.storageClassName),
    ]);
    this.node.defaultChild = apiObject(this, 'claim', {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      name: this.claimName,
      labels: {
        'app.kubernetes.io/name': 'mlflow',
        'app.kubernetes.io/instance': instance.name,
        'app.kubernetes.io/component': 'data',
        'app.kubernetes.io/part-of': 'mlflow',
        'app.kubernetes.io/managed-by': 'cdk8s',
      },
      annotations: KEPT,
      body: {
        spec: {
          accessModes: ['ReadWriteOnce'],
          resources: { requests: { storage: quantity(storage) } },
          storageClassName: props.storageClassName,
        },
      },
    });
  }

  /**
   * Registers a client. Returns what its pods mount. Refused in another namespace.
   *
   * @param client the workload that mounts the volume
   */
  public mountFrom(client: ConnectionClient): ClaimMount {
    checkInputs('DataVolume#mountFrom', { client }, this);
    check(this, [
      sameNamespaceRule(`the claim '${this.claimName}'`, this.namespace, client.namespace, 'a claim of each namespace'),
    ]);
    return { claimName: this.claimName, directory: DIRECTORY };
  }

  /**
   * Returns the claim, to change a field that no prop sets.
   *
   * @param id the object's construct id, `claim`. An unknown one is refused
   */
  public apiObject(id: string): ApiObject {
    checkInputs('DataVolume#apiObject', { id }, this);
    return findApiObject(this, id);
  }
}

class ExistingVolume implements IDataVolume {
  public readonly directory = DIRECTORY;

  constructor(public readonly claimName: string) {}

  public mountFrom(client: ConnectionClient): ClaimMount {
    check(client.name, [objectNameRule('claimName', this.claimName, 'mlflow-data')]);
    return { claimName: this.claimName, directory: DIRECTORY };
  }
}
