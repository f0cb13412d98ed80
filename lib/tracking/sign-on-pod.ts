import { Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { oauth2ProxyArguments, oauth2ProxyLiveness } from './oauth2-proxy';
import { OidcAuthenticationProps } from './oidc-props';
import { COOKIE_KEY } from './server-keys';
import { PlacementOptions, mirrored } from '../component/pod-options';
import { Exposure } from '../exposure/exposure';
import { Images } from '../images';
import { AUTHORITY_FILE, AUTHORITY_FOLDER } from '../kubernetes/certificate-authority';
import { seconds } from '../kubernetes/durations';
import { Container, Volume } from '../kubernetes/manifest';
import { EgressRule } from '../kubernetes/network-peer';
import { environment } from '../kubernetes/pod';
import { LOG_SPACE, mergeResources, renderResources } from '../kubernetes/resources';
import { ANY_USER, containerSecurity } from '../kubernetes/security';
import { SIGNED_OUT } from '../nginx/sign-on';

/** Where oauth2-proxy listens on the pod's loopback: its own default. */
export const OIDC_PORT = 4180;

/** Counters without a login. No NetworkPolicy opens the port: it is for the probe. */
export const OIDC_METRICS_PORT = 44180;

const SECRETS = '/run/secrets/oauth2-proxy';
const [CLIENT_SECRET, AUTHORITY] = ['client-secret', 'ca.crt'];

/** Measured: 21 MiB, 27 under load. A question costs 0.2 ms of a CPU. */
export const SIGN_ON_RESOURCES: ContainerResources = {
  cpu: { request: Cpu.millis(50), limit: Cpu.units(1) },
  memory: { request: Size.mebibytes(32), limit: Size.mebibytes(64) },
  ephemeralStorage: LOG_SPACE,
};

/** The settings of a proxy of the network, which oauth2-proxy reads as MLflow does. */
const NETWORK_PROXY = /^(https?|no)_proxy$/i;

/** Those of MLflow's environment. */
export function networkProxies(variables: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => NETWORK_PROXY.test(name)));
}

export interface SignOnPodProps {
  readonly props: OidcAuthenticationProps;
  /** Secret with the key of the session cookie. */
  readonly cookieSecretName: string;
  readonly placement: PlacementOptions;
  readonly exposure?: Exposure;
  /** Environment of MLflow. */
  readonly variables: Record<string, string>;
}

/** What the pod of a server gets. */
export interface SignOn {
  readonly container: Container;
  readonly volume: Volume;
  readonly egress: EgressRule[];
}

/** oauth2-proxy in the pod of a server. */
export function signOnPod({ props, cookieSecretName, placement, exposure, variables }: SignOnPodProps): SignOn {
  const { authoritySecretName, credentials } = props;
  const { secretName, passwordKey } = credentials._existing('client-id', CLIENT_SECRET);
  const proxies = networkProxies(variables);
  const file = (name: string) => `${SECRETS}/${name}`;
  return {
    container: {
      name: 'oauth2-proxy',
      image: mirrored(Images.OAUTH2_PROXY, placement),
      // A sidecar: it starts before nginx and stops after it.
      restartPolicy: 'Always',
      command: ['/bin/oauth2-proxy'],
      args: oauth2ProxyArguments({
        ...props,
        host: publicHost(props, exposure)!,
        path: exposure?._address.path,
        port: OIDC_PORT,
        metricsPort: OIDC_METRICS_PORT,
        sessionSeconds: props.sessionDuration === undefined ? 12 * 3600 : seconds(props.sessionDuration),
        clientSecretFile: file(CLIENT_SECRET),
        cookieSecretFile: file(COOKIE_KEY),
        caFile: authoritySecretName ? file(AUTHORITY) : placement.authority && AUTHORITY_FILE,
      }),
      ...(Object.keys(proxies).length > 0 && { env: environment(proxies) }),
      ports: [{ name: 'oidc-metrics', containerPort: OIDC_METRICS_PORT }],
      // No readiness probe: programs need no login of people, so a pod without it is still ready.
      livenessProbe: oauth2ProxyLiveness('oidc-metrics'),
      resources: renderResources(mergeResources(SIGN_ON_RESOURCES, props.resources)),
      securityContext: containerSecurity(ANY_USER),
      volumeMounts: [
        { name: 'oauth2-proxy', mountPath: SECRETS, readOnly: true },
        ...(placement.authority ? [{ name: 'authority', mountPath: AUTHORITY_FOLDER, readOnly: true }] : []),
      ],
    },
    volume: {
      name: 'oauth2-proxy',
      projected: {
        defaultMode: 0o440,
        sources: [
          source(secretName, passwordKey, CLIENT_SECRET),
          source(cookieSecretName, COOKIE_KEY, COOKIE_KEY),
          ...(authoritySecretName ? [source(authoritySecretName, AUTHORITY, AUTHORITY)] : []),
        ],
      },
    },
    egress: props.egress ?? providerPorts(props).map((port) => ({ peer: { anyone: true }, port })),
  };
}

/** The host that browsers open, with a port if it is not 443. */
export function publicHost({ publicUrl }: OidcAuthenticationProps, exposure?: Exposure): string | undefined {
  return publicUrl === undefined ? exposure?._hosts[0] : publicUrl.replace(/^https:\/\//, '');
}

/** Where a browser ends the provider's session: the provider asks for the client, and leads back to an address that it knows. */
export function logoutAddress(props: OidcAuthenticationProps, exposure?: Exposure): string | undefined {
  const { logoutUrl, clientId } = props;
  if (logoutUrl === undefined || logoutUrl.includes('?')) return logoutUrl;
  const back = `https://${publicHost(props, exposure)}${exposure?._address.path ?? ''}${SIGNED_OUT}`;
  return `${logoutUrl}?${new URLSearchParams({ client_id: clientId, post_logout_redirect_uri: back })}`;
}

function providerPorts({ issuer, endpoints, issuers = [] }: OidcAuthenticationProps): number[] {
  const urls = [issuer, ...(endpoints ? [endpoints.token, endpoints.keys] : []), ...issuers.map((each) => each.issuer)];
  return [...new Set(urls.map((url) => Number(new URL(url).port) || 443))];
}

export function source(name: string, key: string, path: string) {
  return { secret: { name, items: [{ key, path }] } };
}
