import { expectFaults } from '../expect-faults';
import { podSecurity } from './pod-security';

const pod = (find: any) => find('Deployment/server').spec.template.spec;
const init = (find: any) => pod(find).initContainers[0];
const sidecar = (find: any) => pod(find).initContainers[1];
const main = (find: any) => pod(find).containers[0];

expectFaults(podSecurity, [
  ['the host network', (find) => (pod(find).hostNetwork = true), /hostNetwork is true/],
  ['the host PIDs', (find) => (pod(find).hostPID = true), /hostPID is true/],
  [
    'a hostPath',
    (find) => pod(find).volumes.push({ name: 'a', hostPath: { path: '/' } }),
    /volume a is of type hostPath/,
  ],
  ['an unsafe sysctl', (find) => (pod(find).securityContext.sysctls = [{ name: 'kernel.msgmax' }]), /kernel.msgmax/],
  ['user 0 of the pod', (find) => (pod(find).securityContext.runAsUser = 0), /server pod: .*runAsUser is 0/],
  [
    'user 0 of an init container',
    (find) => (init(find).securityContext.runAsUser = 0),
    /container wait: .*runAsUser is 0/,
  ],
  [
    'root of a sidecar',
    (find) => (sidecar(find).securityContext.runAsNonRoot = false),
    /container proxy: .*runAsNonRoot/,
  ],
  [
    'no seccomp profile',
    (find) => delete find('StatefulSet/postgres').spec.template.spec.securityContext.seccompProfile,
    /seccompProfile/,
  ],
  [
    'an unconfined container',
    (find) => (main(find).securityContext.seccompProfile = { type: 'Unconfined' }),
    /Unconfined/,
  ],
  [
    'an unconfined AppArmor profile',
    (find) => (main(find).securityContext.appArmorProfile = { type: 'Unconfined' }),
    /appArmor/,
  ],
  [
    'privilege escalation',
    (find) => delete sidecar(find).securityContext.allowPrivilegeEscalation,
    /proxy: .*Escalation is undefined/,
  ],
  ['a privileged container', (find) => (main(find).securityContext.privileged = true), /privileged is true/],
  [
    'capabilities kept',
    (find) => (main(find).securityContext.capabilities.drop = ['NET_RAW']),
    /drop is \["NET_RAW"\]/,
  ],
  ['capabilities added', (find) => (init(find).securityContext.capabilities.add = ['CHOWN']), /add is \["CHOWN"\]/],
  ['a host port', (find) => (sidecar(find).ports[0].hostPort = 80), /hostPort is 80/],
  [
    'the host of a probe',
    (find) => (sidecar(find).readinessProbe.httpGet.host = '10.0.0.1'),
    /readinessProbe.httpGet.host/,
  ],
  ['an SELinux user', (find) => (pod(find).securityContext.seLinuxOptions = { user: 'u' }), /seLinuxOptions.user/],
  ['a mask of /proc off', (find) => (main(find).securityContext.procMount = 'Unmasked'), /procMount is "Unmasked"/],
  ['a pod of a Job', (find) => (find('Job/credentials-1a2b3c4d').spec.template.spec.hostIPC = true), /Job.*hostIPC/],
]);
