import { AccountPod } from './account-pod';
import { TOKEN_ALGORITHMS } from './account-token-arguments';
import { oauth2ProxyLiveness } from './oauth2-proxy';
import { COOKIE_KEY } from './server-keys';
import { SIGN_ON_RESOURCES, networkProxies, source } from './sign-on-pod';
import { MOST_ISSUERS, TokenVerifier } from './token-logins';
import { PlacementOptions, mirrored } from '../component/pod-options';
import { PROGRAMS } from '../component/program';
import { Images } from '../images';
import { Container, Volume } from '../kubernetes/manifest';
import { EgressRule } from '../kubernetes/network-peer';
import { environment } from '../kubernetes/pod';
import { renderResources } from '../kubernetes/resources';
import { ANY_USER, containerSecurity } from '../kubernetes/security';
import { claimHeader, claimNames } from '../nginx/issuer-tokens';

const [FIRST_PORT, FIRST_METRICS_PORT] = [4185, 44185];
const SECRETS = '/run/secrets/token-issuer';
const AUTHORITY = 'ca.crt';
const all = Array.from({ length: MOST_ISSUERS }, (_, index) => index);

/** Where oauth2-proxy checks the tokens of an issuer, on the pod's loopback. */
export const verifierPort = (index: number) => FIRST_PORT + index;
const metricsPort = (index: number) => FIRST_METRICS_PORT + index;
const metricsName = (index: number) => `issuer-${index}`;
const containerName = (index: number) => `token-issuer-${index}`;
/** What user containers may not take. */
export const VERIFIER_CONTAINERS = all.map(containerName);
export const VERIFIER_PORT_NAMES = all.map(metricsName);
export const VERIFIER_PORTS = all.flatMap((index) => [verifierPort(index), metricsPort(index)]);

/** File of the programs' ConfigMap with the settings of one oauth2-proxy. */
const settingsFile = (index: number) => `token-issuer-${index}.yaml`;

export interface VerifierSettings {
  readonly port: number;
  readonly metricsPort?: number;
  readonly secretFile: string;
  readonly caFile?: string;
}

/** What is known of the tokens of a `TokenVerifier`. */
export interface VerifiedTokens {
  readonly issuer: Pick<TokenVerifier['issuer'], 'issuer' | 'keysUrl'>;
  readonly audience: string;
  readonly logins: readonly { readonly claims: Record<string, string> }[];
}

/**
 * The settings of an oauth2-proxy that checks tokens of one issuer and tells nginx their claims. Only this form knows
 * further claims. YAML, as JSON is YAML too.
 *
 * @see https://oauth2-proxy.github.io/oauth2-proxy/configuration/alpha-config
 * @internal for tests
 */
export function verifierConfiguration({ issuer, audience, logins }: VerifiedTokens, o: VerifierSettings): string {
  const claims = claimNames(logins);
  const settings = {
    server: { bindAddress: `127.0.0.1:${o.port}` },
    ...(o.metricsPort && { metricsServer: { bindAddress: `:${o.metricsPort}` } }),
    upstreamConfig: { upstreams: [{ id: 'none', path: '/', static: true, staticCode: 202 }] },
    injectResponseHeaders: claims.map((claim, index) => ({
      name: claimHeader(index),
      values: [{ claimSource: { claim } }],
    })),
    providers: [
      {
        id: 'issuer',
        provider: 'oidc',
        clientID: audience,
        clientSecretFile: o.secretFile,
        // Required, and never used: nginx asks only about requests with a token, and passes no cookie.
        loginURL: 'http://127.0.0.1/none',
        redeemURL: 'http://127.0.0.1/none',
        ...(o.caFile && { caFiles: [o.caFile], useSystemTrustStore: true }),
        additionalClaims: claims,
        oidcConfig: {
          issuerURL: issuer.issuer,
          skipDiscovery: true,
          jwksURL: issuer.keysUrl,
          emailClaim: 'sub',
          groupsClaim: 'none',
          audienceClaims: ['aud'],
          enabledSigningAlgs: TOKEN_ALGORITHMS,
        },
      },
    ],
  };
  return `${JSON.stringify(settings, undefined, 2)}\n`;
}

/** Its other settings. @internal for tests */
export function verifierArguments(file: string, secretFile: string): string[] {
  return [
    `--alpha-config=${file}`,
    `--cookie-secret-file=${secretFile}`,
    '--email-domain=*',
    '--skip-jwt-bearer-tokens=true',
    '--cookie-secure=true',
    '--request-logging=false',
    '--silence-ping-logging=true',
  ];
}

export interface VerifierPodProps {
  readonly verifiers: readonly TokenVerifier[];
  readonly placement: PlacementOptions;
  /** Secret with the key of a cookie that is never set. */
  readonly secretName: string;
  /** Environment of MLflow. */
  readonly variables: Record<string, string>;
}

const folder = (index: number) => `${SECRETS}-${index}`;
const settingsOf = ({ issuer }: TokenVerifier, index: number): VerifierSettings => ({
  port: verifierPort(index),
  metricsPort: metricsPort(index),
  secretFile: `${folder(index)}/${COOKIE_KEY}`,
  caFile: issuer.authoritySecretName && `${folder(index)}/${AUTHORITY}`,
});

/** Files for the programs' ConfigMap. */
export function verifierFiles(verifiers: readonly TokenVerifier[]): Record<string, string> {
  return Object.fromEntries(
    verifiers.map((each, index) => [settingsFile(index), verifierConfiguration(each, settingsOf(each, index))]),
  );
}

/** An oauth2-proxy for each issuer and audience. It reads the keys at its first token, so pods start while an issuer is away. */
export function verifierPod({ verifiers, placement, secretName, variables }: VerifierPodProps): AccountPod {
  const proxies = networkProxies(variables);
  const containers = verifiers.map((verifier, index): Container => ({
    name: containerName(index),
    image: mirrored(Images.OAUTH2_PROXY, placement),
    restartPolicy: 'Always',
    command: ['/bin/oauth2-proxy'],
    args: verifierArguments(`${PROGRAMS}/${settingsFile(index)}`, settingsOf(verifier, index).secretFile),
    ...(Object.keys(proxies).length > 0 && { env: environment(proxies) }),
    ports: [{ name: metricsName(index), containerPort: metricsPort(index) }],
    livenessProbe: oauth2ProxyLiveness(metricsName(index)),
    resources: renderResources(SIGN_ON_RESOURCES),
    securityContext: containerSecurity(ANY_USER),
    volumeMounts: [
      { name: 'programs', mountPath: PROGRAMS, readOnly: true },
      { name: containerName(index), mountPath: folder(index), readOnly: true },
    ],
  }));
  const volumes = verifiers.map(({ issuer: { authoritySecretName } }, index): Volume => ({
    name: containerName(index),
    projected: {
      defaultMode: 0o440,
      sources: [
        source(secretName, COOKIE_KEY, COOKIE_KEY),
        ...(authoritySecretName ? [source(authoritySecretName, AUTHORITY, AUTHORITY)] : []),
      ],
    },
  }));
  return { containers, volumes };
}

/** Where the keys of an issuer are read. */
export function verifierEgress({ issuer: { egress, keysUrl } }: TokenVerifier): EgressRule[] {
  return egress ?? [{ peer: { anyone: true }, port: Number(new URL(keysUrl).port) || 443 }];
}
