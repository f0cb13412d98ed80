import { Construct } from 'constructs';
import { Images } from '../images';
import { SecretRequest, UsersRequest } from './secret-request';
import type { PlannedSecret } from '../../runtime/credentials/plan';
import { grantAccess } from '../component/access-grant';
import { Component } from '../component/component';
import { instanceOf } from '../component/instance';
import { NetworkBoundary } from '../component/network-boundary';
import { ONCE_JOB_SUFFIX, onceJob } from '../component/once-job';
import { mirrored } from '../component/pod-options';
import { PodProps } from '../component/pod-template';
import { PROGRAMS, contentHash, programs, withRevision } from '../component/program';
import { configMap, serviceAccount } from '../component/standard-objects';
import { environment } from '../kubernetes/pod';
import { mergeResources, renderResources, smallResources } from '../kubernetes/resources';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

/** Other roles are in role-routes.ts. This one stands for a user who may do what a person may. */
const NO_ROLE = 'program';

/** A user in the Secret of the users of a server. */
interface UserOfFile {
  readonly username: string;
  /** @default - all that a person may do */
  readonly role?: string;
  /** The only workspace in which its login is valid. @default - all */
  readonly workspace?: string;
}
const PLAN = 'credentials.json';

/** Seconds until the Job gives up on an API server that does not answer. Its pods are then retried. */
const DEADLINE_SECONDS = 120;

/**
 * Creates the Secrets of `Credentials.generated()` once in the cluster. A platform has one such Job, and so has each
 * component without a platform.
 *
 * Its role may create Secrets, and read those that it creates, by name. It may delete none, and change only those with
 * the service users of a server.
 */
export class CredentialsJob extends Component {
  /** @internal */
  public static _of(component: Component): CredentialsJob {
    const { root } = instanceOf(component);
    return (root.node.tryFindChild('credentials') as CredentialsJob | undefined) ?? new CredentialsJob(root);
  }

  private readonly requests = new Map<string, SecretRequest>();
  private readonly logins = new Map<string, UsersRequest>();

  private constructor(root: Construct) {
    super(root, 'credentials', { role: 'credentials', longestSuffix: ONCE_JOB_SUFFIX });
    this._image = this.image;
    const name = this.componentName;
    this._check({}, [
      {
        wrong: this.namespace === undefined,
        given: 'the chart has no namespace',
        want: "expected one, new Chart(app, 'mlflow', { namespace: 'mlflow' }): a RoleBinding names it",
      },
    ]);
    serviceAccount(this);
    grantAccess(this, '', {
      name,
      rules: () => [
        { apiGroups: [''], resources: ['secrets'], resourceNames: this.secretNames(), verbs: ['get'] },
        // Kubernetes cannot bind "create" to names.
        { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
        ...(this.logins.size === 0
          ? []
          : [
              {
                apiGroups: [''],
                resources: ['secrets'],
                resourceNames: [...this.logins.keys()].sort(),
                verbs: ['patch'],
              },
            ]),
        // By which a run that was held up sees that another plan was applied.
        { apiGroups: [''], resources: ['configmaps'], resourceNames: [name], verbs: ['get'] },
      ],
      account: { name, namespace: this.namespace },
    });
    configMap(this, 'config-map', name, () => withRevision(this.files()));
    new NetworkBoundary(this).allowDns().allowApiServer(this._placement({}).apiServerEgress);
    onceJob(this, 'job', {
      name,
      backoffLimit: 20,
      // Exit 2 is a wrong plan, for which a retry does not help.
      failOnExitCodes: { container: 'credentials', codes: [2] },
      inputs: () => [this.plan(), ...Object.values(programs('credentials.js'))],
      pod: () => this.pod(),
    });
  }

  /** @internal */
  public _add(request: SecretRequest): string {
    this.requests.set(request.name, request);
    return request.name;
  }

  /**
   * Adds a Secret with the service users of a server. It is created also without users, so that the first user changes
   * no pod.
   *
   * @internal
   */
  public _addUsers(request: Omit<UsersRequest, 'users'>): void {
    if (!this.logins.has(request.file)) this.logins.set(request.file, { ...request, users: new Map() });
  }

  /** Adds a user, with the Secret `<prefix><user>-login`. Returns its key in the Secret of all users. @internal */
  public _addUser(file: string, { username, role = NO_ROLE, workspace }: UserOfFile): string {
    const key = `${role}.${username}${workspace === undefined ? '' : `_${workspace}`}`;
    this.logins.get(file)!.users.set(key, []);
    return key;
  }

  /**
   * Copies a user's Secret into the namespace of another component, once: an existing copy is not changed. A Role in that
   * namespace, in the chart of the component, gives the Job the permission.
   *
   * @internal
   */
  public _copyFor(component: Component, file: string, entry: string): string {
    const copy = { namespace: component.namespace!, name: `${component.componentName}-login` };
    this.logins.get(file)!.users.get(entry)!.push(`${copy.namespace}/${copy.name}`);
    grantAccess(component, 'login-', {
      name: copy.name,
      rules: [
        { apiGroups: [''], resources: ['secrets'], resourceNames: [copy.name], verbs: ['get'] },
        { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
      ],
      account: { name: this.componentName, namespace: this.namespace },
    });
    return copy.name;
  }

  private get image(): string {
    return mirrored(Images.NODE, this._placement({}));
  }

  private files(): Record<string, string> {
    return { ...programs('credentials.js'), [PLAN]: this.plan() };
  }

  private secretNames(): string[] {
    const logins = [...this.logins.values()].flatMap(({ prefix, file, users }) => [
      file,
      ...[...users.keys()].map((key) => `${prefix}${usernameOf(key)}-login`),
    ]);
    return [...this.requests.keys(), ...logins].sort();
  }

  /** One line for each user: a thousand fit into the limit of `kubectl apply`, and a diff is readable. */
  private plan(): string {
    // No `instance`: Argo CD may track by it, and would prune what is not in its repository.
    const labels = { 'app.kubernetes.io/name': 'mlflow', 'app.kubernetes.io/part-of': 'mlflow' };
    const annotations = { 'argocd.argoproj.io/sync-options': 'Prune=false' };
    const secrets = [...this.requests.values()].map((request): PlannedSecret => ({ ...request, labels, annotations }));
    const logins = [...this.logins.values()].map(({ users, ...more }) => {
      const lines = [...users].map((entry) => entry.map((each) => JSON.stringify(each)).join(':'));
      const fields = JSON.stringify({ ...more, labels, annotations }).slice(0, -1);
      return `${fields},"users":{${lines.map((line) => `\n${line}`).join()}}}`;
    });
    const more = logins.length === 0 ? '' : `,\n  "logins": [${logins.join()}]`;
    return `${JSON.stringify({ secrets }, null, 2).slice(0, -2)}${more}\n}\n`;
  }

  private pod(): PodProps {
    const placement = this._placement({});
    return {
      apiAccess: true,
      user: ANY_USER,
      placement,
      containers: [
        {
          name: 'credentials',
          image: this.image,
          command: ['node', `${PROGRAMS}/credentials.js`],
          env: environment({
            CREDENTIALS_DEADLINE_SECONDS: String(DEADLINE_SECONDS),
            CREDENTIALS_CONFIG_MAP_NAME: this.componentName,
            MOUNTED_REVISION: contentHash(this.files()),
          }),
          resources: renderResources(mergeResources(smallResources, placement.jobResources)),
          securityContext: containerSecurity(ANY_USER),
          volumeMounts: [{ name: 'program', mountPath: PROGRAMS, readOnly: true }],
        },
      ],
      volumes: [{ name: 'program', configMap: { name: this.componentName } }],
    };
  }
}

/** Of an entry `<role>.<user>` or `<role>.<user>_<workspace>`. */
const usernameOf = (entry: string) => entry.slice(entry.indexOf('.') + 1).replace(/_.*/, '');
