import { Size } from 'cdk8s';
import { ReverseProxy, ReverseProxyProps } from '../../lib/nginx/reverse-proxy';
import { stopSeconds } from '../../lib/nginx/sidecar';

const all: Required<ReverseProxyProps> = {
  image: 'nginx-unprivileged:1.28',
  resources: { memory: { request: Size.mebibytes(64), limit: Size.mebibytes(128) } },
  readinessSeconds: 60,
  drainSeconds: 30,
  signedUrls: false,
  maxArtifactMebibytes: 900,
  artifactWritesPaused: false,
  userLimits: { requestsPerSecond: 20 },
  auditLog: true,
  ipv6: true,
  tlsSecretName: 'mlflow-server-tls',
  workspaces: [{ name: 'team-a', users: ['ann'] }],
  httpsHosts: ['mlflow.example.com'],
  path: '/mlflow',
  upstreamPort: 5010,
  configMapName: 'proxy',
  login: {
    kind: 'basic',
    realm: 'Models',
    usersSecret: 'people',
    programs: { secretName: 'server-users', optional: true },
    accounts: { cluster: { configMapName: 'accounts', tokenPort: 4181 }, port: 4182 },
  },
};
const proxy = (props: Partial<ReverseProxyProps> = {}) => new ReverseProxy({ ...all, ...props });

test('a proxy with users and service users has this container and these volumes', () => {
  expect(proxy().sidecar()).toMatchSnapshot();
});

test('every mount has its volume, and every volume is mounted', () => {
  for (const each of [all.login, { kind: 'mlflow' }, { kind: 'none' }] as ReverseProxyProps['login'][]) {
    const built = proxy({ login: each }).sidecar();
    const mounts = built.container.volumeMounts!.map(({ name }) => name);
    expect(built.volumes.map(({ name }) => name)).toEqual(mounts);
  }
});

test('every users file of the configuration is in a mount', () => {
  const mounts = proxy()
    .sidecar()
    .container.volumeMounts!.map(({ mountPath }) => mountPath);
  const text = proxy().configuration();
  const files = [
    ...new Set([...text.matchAll(/(\/run\/secrets\/[^;\s]+)\/(?:auth|\w+\.\$program);/g)].map(([, folder]) => folder)),
  ];
  expect(files.sort()).toEqual(mounts.filter((path) => path.startsWith('/run/secrets/mlflow-users')).sort());
  expect(files).toHaveLength(2);
});

test('nginx writes only to /tmp, which is its own volume', () => {
  const writable = proxy()
    .sidecar()
    .container.volumeMounts!.filter(({ readOnly }) => !readOnly);
  expect(writable).toEqual([{ name: 'proxy-tmp', mountPath: '/tmp' }]);
  expect(proxy().configuration()).toContain('pid /tmp/nginx.pid;');
});

test('the configuration listens on the ports that the container declares', () => {
  const declared = proxy()
    .sidecar()
    .container.ports!.map(({ containerPort }) => containerPort);
  const listened = [
    ...proxy()
      .configuration()
      .matchAll(/listen (\d+)(?: ssl)?;/g),
  ].map(([, port]) => Number(port));
  expect(listened).toEqual(declared);
});

test("only nginx's login has volumes of users", () => {
  for (const kind of ['mlflow', 'none'] as const) {
    const names = proxy({ login: { kind } })
      .sidecar()
      .volumes.map(({ name }) => name);
    expect(names).toEqual(['proxy', 'proxy-tmp', 'tls']);
  }
});

test('nginx forwards to the address on which MLflow listens', () => {
  expect(proxy().configuration()).toContain('server 127.0.0.1:5010;');
});

test('nginx stops at the latest after the pause and the drain timeout', () => {
  expect(stopSeconds(30)).toBe(38);
});
