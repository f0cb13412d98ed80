import { ExtraContainerOptions, ExtraContainerProbe, SidecarContainer } from './extra-container-props';
import { volumePaths, volumeRules } from './extra-volume';
import { durationRule } from '../kubernetes/durations';
import { environmentRules } from '../kubernetes/environment-rules';
import { mountPathRules } from '../kubernetes/mount-paths';
import { fileNameRules, filePaths } from '../kubernetes/mounted-files';
import { peerRules } from '../kubernetes/network-peer';
import { resourceRules } from '../kubernetes/resources';
import { Rule, imageRule, shownRule, wholeRule } from '../kubernetes/rules';
import { secretEnvironmentRules } from '../kubernetes/secret-value';

/** What the library has in the pod already. */
export interface TakenInPod {
  readonly containers: readonly string[];
  readonly portNames: readonly string[];
  readonly ports: readonly number[];
}

/** What is wrong with containers and volumes of the user, apart from the folders of the volumes in MLflow's containers. */
export function extraContainerRules(given: ExtraContainerOptions, taken: TakenInPod): Rule[] {
  const all: { what: string; container: SidecarContainer }[] = [
    ...(given.sidecars ?? []).map((container, index) => ({ what: `sidecars[${index}]`, container })),
    ...(given.initContainers ?? []).map((container, index) => ({ what: `initContainers[${index}]`, container })),
  ];
  const ports = all.flatMap(({ what, container }) => portsOf(what, container));
  return [
    ...volumeRules(given.volumes),
    ...all.flatMap(({ what, container }) => containerRules(what, container, given)),
    ...unique(
      all.map(({ what, container }) => ({ what: `${what}.name`, value: container.name })),
      taken.containers,
    ),
    ...unique(
      ports.map(({ what, name }) => ({ what: `${what}.name`, value: name })),
      taken.portNames,
    ),
    ...unique(
      ports.map(({ what, port }) => ({ what: `${what}.port`, value: port })),
      taken.ports,
    ),
  ];
}

function portsOf(what: string, { ports = [] }: SidecarContainer) {
  return ports.map((port, index) => ({ ...port, what: `${what}.ports[${index}]` }));
}

/** A rule for each value that is the library's, or that another one has too. */
function unique<T extends string | number>(values: { what: string; value: T }[], taken: readonly T[]): Rule[] {
  return values.map(({ what, value }, index) =>
    shownRule(
      taken.includes(value) || values.findIndex((other) => other.value === value) < index,
      what,
      value,
      `one of its own: the pod has ${taken.join(', ')} already, and each of yours occurs once`,
    ),
  );
}

function containerRules(what: string, given: SidecarContainer, { volumes }: ExtraContainerOptions): Rule[] {
  const { resources } = given;
  const paths = [
    ...volumePaths(volumes),
    ...volumePaths(given.volumes, `${what}.volumes`),
    ...filePaths(given.files, `${what}.files`),
  ];
  return [
    shownRule(
      !/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/.test(given.name),
      `${what}.name`,
      given.name,
      "at most 40 lower-case letters, digits and '-', e.g. 'otel-collector'",
    ),
    imageRule(given.image, `${what}.image`),
    ...(['cpu', 'memory'] as const).map((each) => ({
      wrong: !resources[each]?.request || !resources[each]?.limit,
      given: `${what}.resources.${each} has no ${resources[each]?.request ? 'limit' : 'request'}`,
      want: 'expected requests and limits of cpu and memory, e.g. { cpu: { request: Cpu.millis(50), limit: Cpu.millis(500) }, … }',
    })),
    ...resourceRules(resources, `${what}.resources`),
    ...within(what, [
      ...environmentRules(given.environment),
      ...secretEnvironmentRules(given.secretEnvironment, given.environment, false),
    ]),
    ...fileNameRules(given.files, `${what}.files`),
    ...volumeRules(given.volumes, `${what}.volumes`),
    ...mountPathRules(paths),
    wholeRule(`${what}.user`, given.user, 1),
    ...portsOf(what, given).flatMap((port) => [
      shownRule(
        !/^(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/.test(port.name) || port.name.length > 15,
        `${port.what}.name`,
        port.name,
        "at most 15 lower-case letters, digits and single '-', with a letter, e.g. 'metrics-2'",
      ),
      wholeRule(`${port.what}.port`, port.port, 1024, 65535),
      ...peerRules(`${port.what}.clients`, port.clients),
    ]),
    ...(['livenessProbe', 'readinessProbe', 'startupProbe'] as const).flatMap((each) =>
      probeRules(`${what}.${each}`, given[each]),
    ),
  ];
}

function within(what: string, rules: Rule[]): Rule[] {
  return rules.map((rule) => ({ ...rule, given: `${what}: ${rule.given}` }));
}

function probeRules(what: string, given: ExtraContainerProbe | undefined): Rule[] {
  if (!given) return [];
  const { command, port, path, period, timeout, failures } = given;
  return [
    {
      wrong: (command === undefined) === (port === undefined),
      given: `${what} has ${command === undefined ? 'neither command nor port' : 'both command and port'}`,
      want: "expected one of the two, e.g. { port: 9801, path: '/liveness' }",
    },
    {
      wrong: command?.length === 0,
      given: `${what}.command is an empty list`,
      want: "expected a program, e.g. ['true']",
    },
    {
      wrong: path !== undefined && port === undefined,
      given: `${what} has a path without a port`,
      want: "expected both, e.g. { port: 9801, path: '/liveness' }",
    },
    shownRule(path !== undefined && !/^\/[\x21-\x7e]*$/.test(path), `${what}.path`, path, "a path, e.g. '/healthz'"),
    wholeRule(`${what}.port`, port, 1, 65535),
    durationRule(`${what}.period`, period, 1),
    durationRule(`${what}.timeout`, timeout, 1),
    wholeRule(`${what}.failures`, failures, 1),
  ];
}
