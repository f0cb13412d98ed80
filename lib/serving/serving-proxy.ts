import { ServingPlan } from './serving-plan';
import { LOGIN_PORT } from './serving-ports';
import { AUTHORITY_FILE, AUTHORITY_FOLDER, CertificateAuthority } from '../kubernetes/certificate-authority';
import { TLS_FOLDER, tlsFolder } from '../nginx/pod-tls';
import { servingConfiguration } from '../nginx/serving-site';
import { CONFIGURATION, Sidecar, sidecar, stopSeconds } from '../nginx/sidecar';

/** How long the scoring server runs after its SIGTERM behind nginx, which has stopped by then. */
export const LINGER_BEHIND_NGINX = stopSeconds(7);

/** The program that starts nginx, in the ConfigMap of the configuration. */
export const SERVING_PROXY_PROGRAM = 'serving_proxy.sh';

export function servingProxyConfiguration(
  plan: ServingPlan,
  trackingUrl: string,
  modelPort: number,
  { authority, workspace }: { readonly authority?: CertificateAuthority; readonly workspace?: string },
): string {
  const { drainSeconds, requestTimeoutSeconds, maxRequestBytes, address } = plan;
  return servingConfiguration({
    ...{ drainSeconds, requestTimeoutSeconds, maxRequestBytes },
    ...address,
    ...{ trackingUrl, modelPort, workspace },
    ownAuthority: authority !== undefined,
    tls: plan.tlsSecretName === undefined ? undefined : { folder: TLS_FOLDER, cache: true },
  });
}

/** nginx of a serving with an exposure: its container and volumes. */
export function servingProxy(
  plan: ServingPlan,
  trackingUrl: string,
  configMapName: string,
  authority?: CertificateAuthority,
): Sidecar {
  const tracking = new URL(trackingUrl);
  const port = tracking.port || (tracking.protocol === 'https:' ? '443' : '80');
  const { tlsSecretName } = plan;
  const more = authority || tlsSecretName ? ['/etc/resolv.conf', authority ? AUTHORITY_FILE : ''] : [];
  if (tlsSecretName) more.push('ssl');
  return sidecar({
    image: plan.proxyImage,
    resources: plan.proxyResources,
    configMapName,
    command: [
      ...['sh', `${CONFIGURATION}/${SERVING_PROXY_PROGRAM}`, `${CONFIGURATION}/nginx.conf`, '/tmp'],
      ...[clusterName(tracking), port, ...more],
    ],
    ports: [{ name: 'login', containerPort: LOGIN_PORT }],
    https: tlsSecretName !== undefined,
    folders: tlsSecretName === undefined ? undefined : [tlsFolder(tlsSecretName)],
    mounts: authority && [{ name: 'authority', mountPath: AUTHORITY_FOLDER, readOnly: true }],
  });
}

/** The C library resolves `http://name.namespace` as a Service, by its search domains. nginx has none, so it gets the full name. */
function clusterName({ protocol, hostname }: URL): string {
  return protocol === 'http:' && /^[a-z][^.]*\.[^.]+$/.test(hostname) ? `${hostname}.svc` : hostname;
}
