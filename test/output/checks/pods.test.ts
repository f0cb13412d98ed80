import { expectFaults } from '../expect-faults';
import { pods } from './pods';

const pod = (find: any) => find('Deployment/server').spec.template.spec;
const init = (find: any) => pod(find).initContainers[0];
const sidecar = (find: any) => pod(find).initContainers[1];
const main = (find: any) => pod(find).containers[0];
const job = (find: any) => find('Job/credentials-1a2b3c4d').spec.template.spec;

expectFaults(pods, [
  ['a request missing', (find) => delete init(find).resources.requests.cpu, /wait: resources.requests lacks cpu/],
  ['a limit missing', (find) => delete sidecar(find).resources.limits['ephemeral-storage'], /limits lacks ephemeral/],
  ['a request above its limit', (find) => (main(find).resources.requests.memory = '1Gi'), /memory is 1Gi, .*128Mi/],
  ['a writable root', (find) => delete sidecar(find).securityContext.readOnlyRootFilesystem, /proxy: .*readOnlyRoot/],
  ['a user that is no number', (find) => (main(find).securityContext.runAsUser = 'nobody'), /runAsUser is nobody/],
  ['no group', (find) => delete job(find).securityContext.runAsGroup, /Job.*runAsGroup is undefined/],
  ['no liveness of a sidecar', (find) => delete sidecar(find).livenessProbe, /proxy: livenessProbe is missing/],
  ['no liveness', (find) => delete main(find).livenessProbe, /mlflow: livenessProbe is missing/],
  ['no readiness behind a Service', (find) => delete sidecar(find).readinessProbe, /proxy: readinessProbe is missing/],
  ['a probe of an init container', (find) => (init(find).startupProbe = {}), /wait: an init container that ends/],
  ['no account', (find) => delete pod(find).serviceAccountName, /serviceAccountName is undefined/],
  ['the default account', (find) => (pod(find).serviceAccountName = 'default'), /serviceAccountName is default/],
  ['a token in the pod', (find) => delete pod(find).automountServiceAccountToken, /Deployment.*must be false/],
  [
    'a token of the account',
    (find) => delete find('ServiceAccount/server').automountServiceAccountToken,
    /ServiceAccount.*must be false/,
  ],
  ['no token for a role', (find) => (job(find).automountServiceAccountToken = false), /mounts no token/],
  ['an image without tag', (find) => (main(find).image = 'localhost:5000/mlflow'), /must have a tag/],
  ['the latest image', (find) => (init(find).image = 'mlflow:latest'), /must have a tag other than latest/],
  [
    'no policy',
    (find) => (find('NetworkPolicy/server').metadata.namespace = 'elsewhere'),
    /no NetworkPolicy in its namespace/,
  ],
  ['a policy of one side', (find) => find('NetworkPolicy/server').spec.policyTypes.pop(), /policyType Egress/],
]);
