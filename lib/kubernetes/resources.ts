import { Size, SizeRoundingBehavior } from 'cdk8s';
import { ContainerResources, Cpu, k8s } from 'cdk8s-plus-27';
import { Json } from './manifest';
import { Rule, objectNameRule } from './rules';

/** Millicores of a `Cpu`. */
function millis(cpu: Cpu): number {
  return cpu.amount.endsWith('m') ? Number(cpu.amount.slice(0, -1)) : Number(cpu.amount) * 1000;
}

/** More has no place in Kubernetes' 64 bits. Nor has infinity. */
const MOST_KIBIBYTES = 2 ** 53;

/** A fraction of a unit is an amount like another. */
function kibibytes(size: Size): number {
  return size.toKibibytes({ rounding: SizeRoundingBehavior.NONE });
}

export function mebibytes(size: Size): number {
  return size.toMebibytes({ rounding: SizeRoundingBehavior.NONE });
}

/** A size as Kubernetes itself writes it, 2Gi for 2048Mi: otherwise what was applied is not what is found. */
export function quantity(size: Size): string {
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];
  let amount = Math.ceil(kibibytes(size) * 1024);
  while (amount > 0 && amount % 1024 === 0 && units.length > 1) {
    amount /= 1024;
    units.shift();
  }
  return `${amount}${units[0]}`;
}

/** The same for CPUs: 1 for 1000m, and 500m for 0.5. */
function cpuQuantity(cpu: Cpu): string {
  const amount = Math.round(millis(cpu));
  return amount % 1000 === 0 ? `${amount / 1000}` : `${amount}m`;
}

/** `given` laid over `defaults`, value by value. */
export function mergeResources(defaults: ContainerResources, given: ContainerResources = {}): ContainerResources {
  const over = <T>(a: { request?: T; limit?: T } = {}, b: { request?: T; limit?: T } = {}) => ({
    request: b.request ?? a.request,
    limit: b.limit ?? a.limit,
  });
  return {
    cpu: over(defaults.cpu, given.cpu),
    memory: over(defaults.memory, given.memory),
    ephemeralStorage: over(defaults.ephemeralStorage, given.ephemeralStorage),
  };
}

function written<T>(write: (amount: T) => string, amount: T | undefined): string | undefined {
  return amount && write(amount);
}

export function renderResources(resources: ContainerResources): Json<k8s.ResourceRequirements> {
  const side = (key: 'request' | 'limit') =>
    compact({
      cpu: written(cpuQuantity, resources.cpu?.[key]),
      memory: written(quantity, resources.memory?.[key]),
      'ephemeral-storage': written(quantity, resources.ephemeralStorage?.[key]),
    });
  return { requests: side('request'), limits: side('limit') };
}

export function resourceRules(resources: ContainerResources, prop = 'resources'): Rule[] {
  const cpu = { request: resources.cpu?.request, limit: resources.cpu?.limit };
  const sizes: [string, { request?: Size; limit?: Size }][] = [
    ['memory', { ...resources.memory }],
    ['ephemeralStorage', { ...resources.ephemeralStorage }],
  ];
  return [
    amountRule(
      `${prop}.cpu`,
      cpu.request && Math.round(millis(cpu.request)),
      cpu.limit && Math.round(millis(cpu.limit)),
      cpu.request?.amount,
      cpu.limit?.amount,
    ),
    ...sizes.map(([what, { request, limit }]) =>
      amountRule(
        `${prop}.${what}`,
        request && kibibytes(request),
        limit && kibibytes(limit),
        request?.asString(),
        limit?.asString(),
      ),
    ),
  ];
}

function amountRule(what: string, request?: number, limit?: number, saidRequest?: string, saidLimit?: string): Rule {
  const positive = (amount?: number) => amount === undefined || (amount > 0 && amount < MOST_KIBIBYTES);
  return {
    wrong: !positive(request) || !positive(limit) || (request !== undefined && limit !== undefined && request > limit),
    given: `${what} requests ${saidRequest} with a limit of ${saidLimit}`,
    want: 'expected amounts above zero, and a request that is not above the limit',
  };
}

export function sizeRule(what: string, size: Size): Rule {
  return {
    wrong: !(kibibytes(size) > 0 && kibibytes(size) < MOST_KIBIBYTES),
    given: `${what} is ${size.asString()}`,
    want: 'expected more than zero, e.g. Size.gibibytes(50)',
  };
}

/** The storage class of a volume; '' means a volume without a class. */
export function storageClassRules(storageClassName = ''): Rule[] {
  return storageClassName === '' ? [] : [objectNameRule('storageClassName', storageClassName, 'fast-ssd')];
}

function compact(values: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >;
}

/** Ephemeral storage of a container that writes no more than its log: the kubelet keeps 50Mi of one. */
export const LOG_SPACE = { request: Size.mebibytes(128), limit: Size.mebibytes(128) };

/** Requests and limits of a Job's small container. */
export const smallResources: ContainerResources = {
  cpu: { request: Cpu.millis(50), limit: Cpu.millis(500) },
  memory: { request: Size.mebibytes(64), limit: Size.mebibytes(256) },
  ephemeralStorage: LOG_SPACE,
};

/** Requests and limits of a database or a store, as a first guess. */
export const storeResources: ContainerResources = {
  cpu: { request: Cpu.millis(500), limit: Cpu.units(2) },
  memory: { request: Size.gibibytes(1), limit: Size.gibibytes(4) },
  ephemeralStorage: { request: Size.mebibytes(256), limit: Size.gibibytes(1) },
};
