import { ChildProcess, spawn } from 'node:child_process';
import { Namespace } from './namespace';
import { Result, RunOptions } from './process';
import { program } from './program';
import { Images } from '../../lib';

export interface ClientPodOptions {
  readonly labels?: Record<string, string>;
  /** @default the image of MLflow, which has Python and MLflow's own client */
  readonly image?: string;
  readonly env?: Record<string, string>;
  /** Variables from Secrets of the namespace: [name of the Secret, key]. */
  readonly secrets?: Record<string, [secret: string, key: string]>;
  /** The ServiceAccount whose token for this audience MLflow's client sends. @default - no token */
  readonly account?: { readonly name: string; readonly audience: string };
  /** Additional host names, with their addresses. */
  readonly hosts?: Record<string, string>;
  /** Whether the pod uses the node's own network; needs a privileged namespace. @default false */
  readonly hostNetwork?: boolean;
}

/** The environment of MLflow's client for a platform named `mlflow`, in a pod of its namespace. */
export const throughTheProxy = (secret = 'mlflow-basic-auth') => ({
  env: { MLFLOW_TRACKING_URI: 'http://mlflow-server:5000' },
  secrets: {
    MLFLOW_TRACKING_USERNAME: [secret, 'username'],
    MLFLOW_TRACKING_PASSWORD: [secret, 'password'],
  } as Record<string, [string, string]>,
});

const TOKEN_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';
/** MLflow's client reads the token in that folder. */
const BY_TOKEN = { MLFLOW_TRACKING_AUTH: 'kubernetes' };

function tokenVolume(audience: string) {
  const serviceAccountToken = { path: 'token', audience, expirationSeconds: 3600 };
  return { name: 'mlflow-token', projected: { sources: [{ serviceAccountToken }] } };
}

/** A pod that does not belong to the platform, from which a test sends requests. */
export class ClientPod {
  /** Creates the pod and waits until programs can run in it. */
  public static start(namespace: Namespace, name: string, options: ClientPodOptions = {}): ClientPod {
    const { account } = options;
    const variables = { HOME: '/tmp', PYTHONWARNINGS: 'ignore', ...(account && BY_TOKEN), ...options.env };
    const env = [
      ...Object.entries(variables).map(([key, value]) => ({
        name: key,
        value,
      })),
      ...Object.entries(options.secrets ?? {}).map(([key, [secret, item]]) => ({
        name: key,
        valueFrom: { secretKeyRef: { name: secret, key: item } },
      })),
    ];
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: options.labels },
      spec: {
        automountServiceAccountToken: false,
        ...(account && { serviceAccountName: account.name, volumes: [tokenVolume(account.audience)] }),
        ...(options.hostNetwork && { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }),
        terminationGracePeriodSeconds: 1,
        hostAliases: Object.entries(options.hosts ?? {}).map(([host, ip]) => ({ ip, hostnames: [host] })),
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 4321,
          fsGroup: 4321,
          seccompProfile: { type: 'RuntimeDefault' },
        },
        containers: [
          {
            name: 'client',
            image: options.image ?? Images.MLFLOW,
            command: ['sleep', '86400'],
            env,
            resources: { requests: { cpu: '10m', memory: '64Mi' } },
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
            ...(account && { volumeMounts: [{ name: 'mlflow-token', mountPath: TOKEN_FOLDER, readOnly: true }] }),
          },
        ],
      },
    };
    const made = namespace.try(['create', '--filename', '-'], { input: JSON.stringify(pod) });
    if (made.status !== 0) throw new Error(made.stderr);
    namespace.kubectl('wait', '--for=condition=ready', `pod/${name}`, '--timeout=120s');
    return new ClientPod(namespace, name);
  }

  private constructor(
    public readonly namespace: Namespace,
    public readonly name: string,
  ) {}

  public run(command: string[], options?: RunOptions): Result {
    return this.namespace.try(['exec', '--stdin', this.name, '--', ...command], options);
  }

  /** Runs a Python program from its text, and waits for its end. */
  public python(text: string, args: string[] = [], options: RunOptions = {}): Result {
    return this.run(['python', '-', ...args], { ...options, input: text });
  }

  /** Starts a Python program in the background. It ends with the pod, or if the caller stops it. */
  public background(text: string, args: string[] = []): ChildProcess {
    const command = [
      '--namespace',
      this.namespace.name,
      'exec',
      '--stdin',
      this.name,
      '--',
      'python',
      '-u',
      '-',
      ...args,
    ];
    const child = spawn('kubectl', command);
    child.stdin.end(text);
    return child;
  }

  /** Runs a program of e2e/programs/ asynchronously, and returns the JSON that it prints. */
  public report<T>(name: string, ...args: string[]): Promise<T> {
    const child = this.background(program(name), args);
    return new Promise((resolve, reject) => {
      let [told, said] = ['', ''];
      child.stdout!.on('data', (chunk) => (told += chunk));
      child.stderr!.on('data', (chunk) => (said += chunk));
      child.once('error', reject);
      child.once('close', (code) => {
        try {
          if (code !== 0) throw new Error(said || told);
          resolve(JSON.parse(told));
        } catch (error) {
          reject(new Error(`${name} in ${this.name}: ${(error as Error).message}`));
        }
      });
    });
  }

  public remove(): void {
    this.namespace.try(['delete', 'pod', this.name, '--ignore-not-found', '--grace-period=1']);
  }
}
