import { Manifest, PodTemplate, containers, podTemplates, title } from '../manifests';

const VOLUMES = 'configMap csi downwardAPI emptyDir ephemeral persistentVolumeClaim projected secret'.split(' ');

const SYSCTLS = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
];

const SELINUX_TYPES = ['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'];

const APPARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';

/** The Pod Security Standard "restricted" of Kubernetes 1.35, field by field. */
export function podSecurity(objects: Manifest[]): string[] {
  return podTemplates(objects).flatMap((template) => [...podFindings(template), ...containerFindings(template)]);
}

function podFindings({ owner, metadata, spec }: PodTemplate): string[] {
  const found: string[] = [];
  const say = (what: string) => found.push(`${title(owner)} pod: ${what}`);
  for (const field of ['hostNetwork', 'hostPID', 'hostIPC']) {
    if (spec[field]) say(`${field} is true, must be absent or false`);
  }
  for (const volume of spec.volumes ?? []) {
    const kind = Object.keys(volume).find((key) => key !== 'name' && !VOLUMES.includes(key));
    if (kind) say(`volume ${volume.name} is of type ${kind}, allowed are ${VOLUMES.join(', ')}`);
  }
  for (const { name } of spec.securityContext?.sysctls ?? []) {
    if (!SYSCTLS.includes(name)) say(`securityContext.sysctls has ${name}, which is not among the safe ones`);
  }
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    if (key.startsWith(APPARMOR_ANNOTATION) && value !== 'runtime/default' && !value.startsWith('localhost/')) {
      say(`annotation ${key} is ${value}, must be runtime/default or localhost/*`);
    }
  }
  const { runAsNonRoot, seccompProfile } = spec.securityContext ?? {};
  if (runAsNonRoot === false) say('securityContext.runAsNonRoot is false, must be true or absent');
  if (seccompProfile?.type === 'Unconfined') {
    say('securityContext.seccompProfile.type is Unconfined, must be RuntimeDefault');
  }
  found.push(...sharedFindings(`${title(owner)} pod`, spec.securityContext));
  return found;
}

function containerFindings(template: PodTemplate): string[] {
  const pod = template.spec.securityContext ?? {};
  const ephemeral = (template.spec.ephemeralContainers ?? []).map((container: any) => ({
    container,
    at: `${title(template.owner)} container ${container.name}`,
  }));
  return [...containers(template), ...ephemeral].flatMap(({ container, at }) => {
    const found: string[] = [];
    const context = container.securityContext ?? {};
    const must = (holds: boolean, field: string, value: unknown, right: string) => {
      if (!holds) found.push(`${at}: ${field} is ${JSON.stringify(value)}, must be ${right}`);
    };
    must(!context.privileged, 'securityContext.privileged', context.privileged, 'absent or false');
    must(
      context.allowPrivilegeEscalation === false,
      'securityContext.allowPrivilegeEscalation',
      context.allowPrivilegeEscalation,
      'false',
    );
    must(
      (context.runAsNonRoot ?? pod.runAsNonRoot) === true,
      'securityContext.runAsNonRoot',
      context.runAsNonRoot ?? pod.runAsNonRoot,
      'true, on the container or its pod',
    );
    const seccomp = (context.seccompProfile ?? pod.seccompProfile)?.type;
    must(
      seccomp === 'RuntimeDefault' || seccomp === 'Localhost',
      'securityContext.seccompProfile.type',
      seccomp,
      'RuntimeDefault or Localhost, on the container or its pod',
    );
    const { drop = [], add = [] } = context.capabilities ?? {};
    must(drop.includes('ALL'), 'securityContext.capabilities.drop', drop, '[ALL]');
    must(
      add.every((capability: string) => capability === 'NET_BIND_SERVICE'),
      'securityContext.capabilities.add',
      add,
      'empty or [NET_BIND_SERVICE]',
    );
    must(
      ['Default', undefined, null].includes(context.procMount),
      'securityContext.procMount',
      context.procMount,
      'Default',
    );
    for (const port of container.ports ?? []) must(!port.hostPort, 'ports.hostPort', port.hostPort, 'absent');
    for (const [field, host] of hostsOf(container)) must(!host, field, host, 'absent (since 1.34)');
    return [...found, ...sharedFindings(at, container.securityContext)];
  });
}

/** Rules for the security context of both a pod and a container. */
function sharedFindings(at: string, context: any): string[] {
  const found: string[] = [];
  const must = (holds: boolean, field: string, value: unknown, right: string) => {
    if (!holds) found.push(`${at}: securityContext.${field} is ${JSON.stringify(value)}, must be ${right}`);
  };
  const { runAsUser, appArmorProfile, seLinuxOptions = {}, windowsOptions } = context ?? {};
  must(runAsUser !== 0, 'runAsUser', runAsUser, 'other than 0');
  must(
    appArmorProfile?.type !== 'Unconfined',
    'appArmorProfile.type',
    appArmorProfile?.type,
    'RuntimeDefault or Localhost',
  );
  must(
    SELINUX_TYPES.includes(seLinuxOptions.type ?? ''),
    'seLinuxOptions.type',
    seLinuxOptions.type,
    'a container type',
  );
  must(!seLinuxOptions.user, 'seLinuxOptions.user', seLinuxOptions.user, 'absent');
  must(!seLinuxOptions.role, 'seLinuxOptions.role', seLinuxOptions.role, 'absent');
  must(!windowsOptions?.hostProcess, 'windowsOptions.hostProcess', windowsOptions?.hostProcess, 'absent or false');
  return found;
}

/** The `host` fields of probes and lifecycle hooks: with one, a user can make the kubelet connect to any address. */
function hostsOf(container: any): [string, unknown][] {
  const handlers: [string, any][] = [
    ...['livenessProbe', 'readinessProbe', 'startupProbe'].map((name): [string, any] => [name, container[name]]),
    ...['postStart', 'preStop'].map((name): [string, any] => [`lifecycle.${name}`, container.lifecycle?.[name]]),
  ];
  return handlers.flatMap(([name, handler]): [string, unknown][] => [
    [`${name}.httpGet.host`, handler?.httpGet?.host],
    [`${name}.tcpSocket.host`, handler?.tcpSocket?.host],
  ]);
}
