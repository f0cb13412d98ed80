// The file that the constructs write and the program carries out. Nothing is imported here, so that the library
// may take the types from this file without taking the program.

export interface DeployerTargets {
  /** Seconds from one look at the registry to the next, 1 to 3600. */
  readonly pollSeconds: number;
  /** Where MLflow answers, such as http://mlflow-server:5000; a path before /api may follow. */
  readonly trackingUri: string;
  /** Each Deployment once. */
  readonly targets: readonly DeployerTarget[];
}

/** A Deployment and whom it follows: `alias` or `stage`, one of the two. */
export interface DeployerTarget {
  readonly namespace: string;
  readonly deployment: string;
  /** The container whose MODEL_VERSION is set. In the file: @default model-server */
  readonly container: string;
  /** The init container whose MODEL_VERSION is set too. In the file: @default download-model */
  readonly initContainer: string;
  readonly model: string;
  readonly alias?: string;
  /** Such as Production, for registries that still use stages. */
  readonly stage?: string;
  /** The workspace of the model. @default the default one */
  readonly workspace?: string;
}

/** What a file with a thousand targets need not say of each. */
const usual = { container: 'model-server', initContainer: 'download-model' };
const optional: readonly string[] = [...Object.keys(usual), 'alias', 'stage', 'workspace'];

const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const deploymentName = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const someText = /\S/;

const fields: readonly [keyof DeployerTarget, RegExp, string][] = [
  ['namespace', dnsLabel, 'the name of a namespace'],
  ['deployment', deploymentName, 'the name of a Deployment'],
  ['container', dnsLabel, 'the name of a container'],
  ['initContainer', dnsLabel, 'the name of an init container'],
  ['model', someText, 'the name of a registered model'],
  ['alias', someText, 'an alias such as "champion"'],
  ['stage', someText, 'a stage such as "Production"'],
  ['workspace', dnsLabel, 'the name of a workspace'],
];

/** The targets of a file in which no problem is. Those that were there before stay the same objects. */
export function targetsOf({ targets }: DeployerTargets, before: readonly DeployerTarget[] = []): DeployerTarget[] {
  const known = new Map(before.map((target) => [JSON.stringify(target), target]));
  return targets.map((target) => {
    const whole = { ...usual, ...target };
    return known.get(JSON.stringify(whole)) ?? whole;
  });
}

/** Everything that is wrong with the file, a line each; nothing when it is right. */
export function problemsOfTargets(input: unknown): string[] {
  if (!isRecord(input) || !Array.isArray(input.targets)) {
    return ['expected an object with pollSeconds, trackingUri and targets'];
  }
  const { pollSeconds, trackingUri, targets } = input;
  const problems: string[] = [];
  if (typeof pollSeconds !== 'number' || !(pollSeconds >= 1 && pollSeconds <= 3600)) {
    problems.push(`pollSeconds is ${show(pollSeconds)}; expected a number from 1 to 3600`);
  }
  if (typeof trackingUri !== 'string' || !isHttp(trackingUri)) {
    // Not shown: a URL may carry a password.
    problems.push('trackingUri is none; expected http://… or https://… without a login or a query in it');
  }
  targets.forEach((target: unknown, index) => problems.push(...problemsOfTarget(`targets[${index}]`, target)));
  const names = targets.map((target) => (isRecord(target) ? `${target.namespace}/${target.deployment}` : ''));
  for (const name of new Set(names.filter((each, index) => names.indexOf(each) !== index))) {
    problems.push(`${show(name)} is there twice; expected one entry a Deployment`);
  }
  return problems;
}

function problemsOfTarget(where: string, target: unknown): string[] {
  if (!isRecord(target)) return [`${where} is ${show(target)}; expected an object`];
  const problems = fields
    .filter(([field]) => !optional.includes(field) || target[field] !== undefined)
    .filter(([field, pattern]) => typeof target[field] !== 'string' || !pattern.test(target[field]))
    .map(([field, , right]) => `${where}.${field} is ${show(target[field])}; expected ${right}`);
  if ((target.alias === undefined) === (target.stage === undefined)) {
    problems.push(`${where} follows ${target.alias === undefined ? 'nothing' : 'two'}; expected alias or stage`);
  }
  for (const field of Object.keys(target).filter((each) => !fields.some(([known]) => known === each))) {
    problems.push(`${where} gives ${show(field)}; expected ${fields.map(([known]) => known).join(', ')}`);
  }
  return problems;
}

function isHttp(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) return false;
  return url.username + url.password + url.search + url.hash === '';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 80);
}
