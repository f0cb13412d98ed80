import { Authentication, MlflowPlatform, TrackingServerOptions, UserLimits } from '../../lib';
import { errorOf, find, synth } from '../support/synth';

const objects = (server: TrackingServerOptions, authentication = Authentication.basic()) =>
  synth((chart) => void new MlflowPlatform(chart, 'mlflow', { server, authentication }));
const nginx = (server: TrackingServerOptions, authentication?: Authentication) =>
  find(objects(server, authentication), 'ConfigMap', 'mlflow-server-proxy').data['nginx.conf'];

test('nginx counts by the name that the login has proven', () => {
  const text = nginx({ userLimits: { requestsPerSecond: 20 } });
  expect(text).toContain("map $role $limited_user { serving ''; deployer ''; default \"$remote_user\"; }");
  expect(text).toContain('limit_req_zone $limited_user zone=by_user:2m rate=20r/s;');
  // Those of 10 seconds.
  expect(text).toContain('limit_req zone=by_user burst=200 nodelay;');
  expect(text).not.toContain('limit_conn ');
});

test('at least 50 requests may come at once by default', () => {
  expect(nginx({ userLimits: { requestsPerSecond: 2 } })).toContain('burst=50 nodelay;');
  expect(nginx({ userLimits: { requestsPerSecond: 2, burst: 3 } })).toContain('burst=3 nodelay;');
});

test('a workspace has a limit of its own', () => {
  const text = nginx({ workspaces: [{ name: 'fraud', requestsPerSecond: 7 }, { name: 'pricing' }] });
  expect(text).toContain("'~:fraud\\z' 1;");
  expect(text).toContain('limit_req_zone $limited_workspace_0 zone=by_workspace_0:2m rate=7r/s;');
  expect(text).not.toContain('limited_workspace_1');
});

test('without limits every location passes requests on at once', () => {
  expect(nginx({})).not.toMatch(/@limited|limit_req zone=by_/);
});

test('the audit log is off by default, and gets the checked name with it', () => {
  const server = (of: TrackingServerOptions) => {
    const { initContainers } = find(objects(of), 'Deployment', 'mlflow-server').spec.template.spec;
    const container = initContainers.find(({ name }: { name: string }) => name === 'mlflow');
    return { variables: container.env.map(({ name }: { name: string }) => name), nginx: nginx(of) };
  };
  const on = server({ auditLog: true });
  expect(on.variables).toContain('AUDIT_LOG');
  expect(on.nginx).toContain('proxy_set_header X-Audit-User $remote_user;');
  const off = server({});
  expect(off.variables).not.toContain('AUDIT_LOG');
  expect(off.nginx).not.toContain('X-Audit-User');
  // MLflow's own login has the name, so a client's own header is removed.
  expect(nginx({ auditLog: true }, Authentication.mlflow())).toContain("proxy_set_header X-Audit-User '';");
});

test.each<[string, UserLimits, Authentication, RegExp]>([
  [
    'the login of MLflow',
    { requestsPerSecond: 5 },
    Authentication.mlflow(),
    /userLimits are given, with Authentication\.mlflow\(\).*MLflow checks the login/,
  ],
  ['no login', { requestsPerSecond: 5 }, Authentication.none(), /userLimits are given, with Authentication\.none\(\)/],
  ['no limit', {}, Authentication.basic(), /userLimits has neither requestsPerSecond nor concurrentRequests/],
  [
    'a burst without a rate',
    { concurrentRequests: 5, burst: 9 },
    Authentication.basic(),
    /userLimits\.burst is 9, without requestsPerSecond/,
  ],
  [
    'a fraction',
    { requestsPerSecond: 0.5 },
    Authentication.basic(),
    /userLimits\.requestsPerSecond is 0\.5; expected a whole number/,
  ],
  [
    'no requests at once',
    { concurrentRequests: 0 },
    Authentication.basic(),
    /userLimits\.concurrentRequests is 0; expected a whole number/,
  ],
])('refuses limits with %s', (_, userLimits, authentication, message) => {
  expect(errorOf(() => objects({ userLimits }, authentication))).toMatch(message);
});

test('refuses the limit of a workspace whose people the proxy does not know', () => {
  const server = { workspaces: [{ name: 'fraud', requestsPerSecond: 5 }] };
  expect(errorOf(() => objects(server, Authentication.mlflow()))).toMatch(
    /the workspace 'fraud' has requestsPerSecond, with Authentication\.mlflow\(\)/,
  );
  expect(errorOf(() => objects({ workspaces: [{ name: 'fraud', requestsPerSecond: 0 }] }))).toMatch(
    /requestsPerSecond of the workspace 'fraud' is 0; expected a whole number/,
  );
});
