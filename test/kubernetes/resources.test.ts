import { Size } from 'cdk8s';
import { Cpu } from 'cdk8s-plus-27';
import {
  mergeResources,
  renderResources,
  resourceRules,
  sizeRule,
  smallResources,
} from '../../lib/kubernetes/resources';

const defaults = {
  cpu: { request: Cpu.millis(500), limit: Cpu.units(2) },
  memory: { request: Size.gibibytes(1), limit: Size.gibibytes(4) },
  ephemeralStorage: { request: Size.mebibytes(64), limit: Size.gibibytes(1) },
};

const broken = (resources: object) =>
  resourceRules(resources)
    .filter((rule) => rule.wrong)
    .map((rule) => rule.given);

test('renders resources as Kubernetes writes quantities', () => {
  expect(renderResources(defaults)).toEqual({
    requests: { cpu: '500m', memory: '1Gi', 'ephemeral-storage': '64Mi' },
    limits: { cpu: '2', memory: '4Gi', 'ephemeral-storage': '1Gi' },
  });
});

test.each([
  [Cpu.millis(1000), Size.mebibytes(2048), { cpu: '1', memory: '2Gi' }],
  [Cpu.units(0.5), Size.gibibytes(1.5), { cpu: '500m', memory: '1536Mi' }],
  [Cpu.units(1.001), Size.kibibytes(1024), { cpu: '1001m', memory: '1Mi' }],
  [Cpu.millis(1500), Size.tebibytes(2), { cpu: '1500m', memory: '2Ti' }],
])('renders quantities in canonical form, so that a second apply changes nothing: %j', (cpu, memory, wanted) => {
  expect(renderResources({ cpu: { request: cpu }, memory: { request: memory } }).requests).toEqual(wanted);
});

test('omits what is not given', () => {
  expect(renderResources({ cpu: { request: Cpu.millis(100) } })).toEqual({ requests: { cpu: '100m' }, limits: {} });
});

describe('given resources and defaults', () => {
  test('are the defaults if nothing is given', () => {
    expect(mergeResources(defaults)).toEqual(defaults);
  });

  test('differ only in the given value', () => {
    expect(mergeResources(defaults, { memory: { limit: Size.gibibytes(8) } })).toEqual({
      ...defaults,
      memory: { request: Size.gibibytes(1), limit: Size.gibibytes(8) },
    });
  });

  test('keep a default for a value that is undefined', () => {
    expect(mergeResources(defaults, { memory: { limit: undefined } }).memory?.limit).toEqual(Size.gibibytes(4));
    expect(mergeResources(defaults, { cpu: undefined }).cpu).toEqual(defaults.cpu);
  });
});

describe('accepts resources with', () => {
  test.each([
    ['the defaults', defaults],
    ['those of small Jobs', smallResources],
    ['nothing', {}],
    ['a request alone', { cpu: { request: Cpu.units(1) } }],
    ['a request that is the limit', { cpu: { request: Cpu.millis(1000), limit: Cpu.units(1) } }],
    ['fractions', { cpu: { request: Cpu.units(0.5), limit: Cpu.units(1.5) } }],
    ['several units', { memory: { request: Size.mebibytes(1024), limit: Size.gibibytes(1) } }],
  ])('%s', (_, resources) => {
    expect(broken(resources)).toEqual([]);
  });
});

describe('refuses resources with', () => {
  test.each([
    [
      'CPU request above the limit',
      { cpu: { request: Cpu.units(3), limit: Cpu.millis(2000) } },
      'resources.cpu requests 3 with a limit of 2000m',
    ],
    [
      'memory request above the limit',
      { memory: { request: Size.gibibytes(1), limit: Size.mebibytes(1023) } },
      'resources.memory requests 1Gi with a limit of 1023Mi',
    ],
    [
      'ephemeral storage request above the limit',
      { ephemeralStorage: { request: Size.gibibytes(2), limit: Size.gibibytes(1) } },
      'resources.ephemeralStorage requests 2Gi with a limit of 1Gi',
    ],
    ['CPU of zero', { cpu: { request: Cpu.millis(0), limit: Cpu.units(1) } }, 'resources.cpu requests 0m with'],
    ['memory of zero', { memory: { limit: Size.gibibytes(0) } }, 'with a limit of 0Gi'],
    ['negative CPU', { cpu: { request: Cpu.millis(-5), limit: Cpu.units(1) } }, 'resources.cpu requests -5m with'],
    ['CPU that is no number', { cpu: { limit: Cpu.units(NaN) } }, 'with a limit of NaN'],
  ])('%s', (_, resources, given) => {
    expect(broken(resources)).toEqual([expect.stringContaining(given)]);
  });
});

describe('sizeRule', () => {
  test.each([Size.gibibytes(50), Size.kibibytes(1), Size.gibibytes(0.5)])('accepts more than zero', (size) => {
    expect(sizeRule('storage', size).wrong).toBe(false);
  });

  test('refuses zero', () => {
    expect(sizeRule('storage', Size.gibibytes(0))).toMatchObject({ wrong: true, given: 'storage is 0Gi' });
  });
});

test('accepts a fraction of a unit', () => {
  expect(broken({ memory: { request: Size.gibibytes(0.3), limit: Size.gibibytes(1.5) } })).toEqual([]);
  expect(sizeRule('storage', Size.gibibytes(1.1)).wrong).toBe(false);
});
