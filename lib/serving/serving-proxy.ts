import { ServingPlan } from './serving-plan';
import { LOGIN_PORT } from './serving-ports';
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
  workspace?: string,
): string {
  const { drainSeconds, requestTimeoutSeconds, maxRequestBytes, address } = plan;
  return servingConfiguration({
    ...{ drainSeconds, requestTimeoutSeconds, maxRequestBytes },
    ...address,
    ...{ trackingUrl, modelPort, workspace },
  });
}

/** nginx of a serving with an exposure: its container and volumes. */
export function servingProxy(plan: ServingPlan, trackingUrl: string, configMapName: string): Sidecar {
  const tracking = new URL(trackingUrl);
  const port = tracking.port || (tracking.protocol === 'https:' ? '443' : '80');
  return sidecar({
    image: plan.proxyImage,
    resources: plan.proxyResources,
    configMapName,
    command: [
      ...['sh', `${CONFIGURATION}/${SERVING_PROXY_PROGRAM}`, `${CONFIGURATION}/nginx.conf`, '/tmp'],
      ...[clusterName(tracking), port],
    ],
    ports: [{ name: 'login', containerPort: LOGIN_PORT }],
  });
}

/** The C library resolves `http://name.namespace` as a Service, by its search domains. nginx has none, so it gets the full name. */
function clusterName({ protocol, hostname }: URL): string {
  return protocol === 'http:' && /^[a-z][^.]*\.[^.]+$/.test(hostname) ? `${hostname}.svc` : hostname;
}
