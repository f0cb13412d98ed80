import { ClientPod, throughTheProxy } from './client-pod';
import { Namespace } from './namespace';
import { until } from './process';
import { program } from './program';

/** Prints status and text of one POST. */
const POST = `import sys, requests
url, data, user, password = (sys.argv[1:] + ['', ''])[:4]
try:
    answer = requests.post(url, data=data, headers={'content-type': 'application/json'}, timeout=20,
                           auth=(user, password) if user else None)
    print(answer.status_code, answer.text)
except requests.exceptions.ConnectionError as error:
    print('unreachable', type(error).__name__)
except requests.exceptions.Timeout as error:
    print('unreachable', type(error).__name__)
`;

/** The versions of the model 'line', with the predictions of the process that trained them. */
export class Lines {
  /** @param secret of the administrator, with the keys `username` and `password` */
  public static start(namespace: Namespace, secret?: string): Lines {
    return new Lines(ClientPod.start(namespace, 'trainer', throughTheProxy(secret)));
  }

  /** The predictions of each version for `question`. */
  public predictions: Record<string, number[]> = {};
  /** Body of a request. */
  public question = '';

  private constructor(public readonly pod: ClientPod) {}

  public train(): void {
    const { stdout, stderr, status } = this.pod.python(program('train_line.py'));
    if (status !== 0) throw new Error(stderr);
    const told = JSON.parse(stdout.trim().split('\n').pop()!);
    this.question = JSON.stringify({ inputs: told.question });
    this.predictions = told.predictions;
  }

  public setAlias(alias: string, version: string): void {
    this.client(`client.set_registered_model_alias('line', '${alias}', '${version}')`);
  }

  public deleteAlias(alias: string): void {
    this.client(`client.delete_registered_model_alias('line', '${alias}')`);
  }

  public tags(version: string): Record<string, string> {
    return JSON.parse(this.client(`print(json.dumps(client.get_model_version('line', '${version}').tags))`));
  }

  private client(line: string): string {
    const { stdout, stderr, status } = this.pod.python(`import json, mlflow\nclient = mlflow.MlflowClient()\n${line}`);
    if (status !== 0) throw new Error(stderr);
    return stdout.trim().split('\n').pop()!;
  }
}

export interface Load {
  /** The number of times of each answer. */
  readonly counts: Record<string, number>;
  readonly failures: string[];
}

/** A client that asks one serving for predictions. */
export class Caller {
  constructor(
    private readonly pod: ClientPod,
    private readonly url: string,
    private readonly lines: Lines,
  ) {}

  /** Status and text of the answer, or `unreachable`. */
  public post(pod = this.pod, url = this.url, ...login: string[]): string {
    return pod.python(POST, [url, this.lines.question, ...login]).stdout;
  }

  public predictions(answer = this.post()): number[] | undefined {
    return answer.startsWith('200 ') ? JSON.parse(answer.slice(4)).predictions : undefined;
  }

  /**
   * Sends requests until `during` has ended.
   *
   * @param seconds limit of the load
   * @param pause seconds between two requests of each of two threads
   */
  public async load(during: () => Promise<void>, seconds = 400, pause = 0.02): Promise<Load> {
    const limits = [seconds, pause].map(String);
    const child = this.pod.background(program('predict_load.py'), [this.url, this.lines.question, ...limits]);
    let text = '';
    child.stdout!.on('data', (chunk: Buffer) => (text += chunk));
    child.stderr!.on('data', (chunk: Buffer) => (text += chunk));
    await until('the load runs', 60, () => text.includes('asking'));
    await during();
    this.pod.run(['touch', '/tmp/stop']);
    await until('the load has ended', 90, () => text.trim().endsWith('}'));
    return JSON.parse(text.trim().split('\n').pop()!);
  }
}
