import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { Certificate, tlsSecret } from './certificate';
import { Namespace } from './namespace';
import { Images } from '../../lib';
import { ANY_USER, containerSecurity, podSecurity } from '../../lib/kubernetes/security';

const PROGRAM = join(__dirname, '..', '..', 'test', 'support', 'oidc', 'provider.mjs');
const CONTROL = 4000;

/** An OpenID Connect provider in the cluster, behind an Ingress with TLS. Pods reach it by the name of its Service. */
export class OpenIdProvider {
  public readonly host: string;
  public readonly issuer: string;
  public readonly clientSecret = randomBytes(24).toString('hex');

  /** @param redirectHost the platform's host */
  constructor(
    private readonly namespace: Namespace,
    private readonly redirectHost: string,
  ) {
    this.host = `login.${namespace.name}.svc`;
    this.issuer = `https://${this.host}`;
  }

  /**
   * @param certificate of its host
   * @param ingress the controller's class, and the name of its Service in the cluster
   */
  public start(certificate: Certificate, ingress: { className: string; service: string }): void {
    const { namespace, host, issuer, clientSecret } = this;
    const program = buildSync({
      entryPoints: [PROGRAM],
      ...{
        bundle: true,
        write: false,
        minify: true,
        keepNames: true,
        platform: 'node',
        format: 'esm',
        target: 'node22',
      },
      // The provider stores the names of its classes, so they stay. Packages of CommonJS call `require`.
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    }).outputFiles[0].text;
    const metadata = { name: 'openid-provider' };
    const labels = { app: 'openid-provider' };
    const settings = {
      ...{ ISSUER: issuer, PORT: String(CONTROL), CLIENT_ID: 'mlflow', CLIENT_SECRET: clientSecret },
      REDIRECT_URI: `https://${this.redirectHost}/oauth2/callback`,
    };
    namespace.create(tlsSecret('provider-tls', certificate));
    namespace.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'provider.mjs': program } });
    namespace.apply({
      apiVersion: 'v1',
      kind: 'List',
      items: [
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata,
          spec: {
            selector: { matchLabels: labels },
            strategy: { type: 'Recreate' },
            template: {
              metadata: { labels },
              spec: {
                automountServiceAccountToken: false,
                securityContext: podSecurity(ANY_USER),
                containers: [
                  {
                    name: 'provider',
                    image: Images.NODE,
                    command: ['node', '/program/provider.mjs'],
                    env: Object.entries(settings).map(([name, value]) => ({ name, value })),
                    readinessProbe: { tcpSocket: { port: CONTROL }, periodSeconds: 1 },
                    securityContext: containerSecurity(ANY_USER),
                    volumeMounts: [{ name: 'program', mountPath: '/program' }],
                  },
                ],
                volumes: [{ name: 'program', configMap: { name: metadata.name } }],
              },
            },
          },
        },
        { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: labels, ports: [{ port: CONTROL }] } },
        {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: 'login' },
          spec: { type: 'ExternalName', externalName: ingress.service },
        },
        {
          apiVersion: 'networking.k8s.io/v1',
          kind: 'Ingress',
          metadata,
          spec: {
            ingressClassName: ingress.className,
            tls: [{ hosts: [host], secretName: 'provider-tls' }],
            rules: [
              {
                host,
                http: {
                  paths: [
                    {
                      path: '/',
                      pathType: 'Prefix',
                      backend: { service: { name: metadata.name, port: { number: CONTROL } } },
                    },
                  ],
                },
              },
            ],
          },
        },
      ],
    });
    namespace.kubectl('rollout', 'status', 'deployment/openid-provider', '--timeout=120s');
  }

  /** A token that it signs, with these claims in place of its own. */
  public async token(claims: object): Promise<string> {
    return (await this.control<{ token: string }>('token', { claims })).token;
  }

  /** Signs with a new key from now on. */
  public async rotate(): Promise<void> {
    await this.control('rotate', { keep: false });
  }

  public scale(replicas: number): void {
    this.namespace.kubectl('scale', 'deployment/openid-provider', `--replicas=${replicas}`);
    if (replicas === 0) {
      this.namespace.kubectl('wait', '--for=delete', 'pod', '--selector=app=openid-provider', '--timeout=60s');
    } else {
      this.namespace.kubectl('rollout', 'status', 'deployment/openid-provider', '--timeout=120s');
    }
  }

  private async control<T>(what: string, body: object): Promise<T> {
    const forward = await this.namespace.forward('service/openid-provider', CONTROL);
    try {
      const answer = await fetch(`http://127.0.0.1:${forward.port}/control/${what}`, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      return (await answer.json()) as T;
    } finally {
      forward.stop();
    }
  }
}
