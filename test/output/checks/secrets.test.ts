import { expectFaults } from '../expect-faults';
import { goodPlatform } from '../good-platform';
import { title } from '../manifests';
import { secrets } from './secrets';

const main = (find: any) => find('Deployment/server').spec.template.spec.containers[0];
const env = (name: string, value: string) => (find: any) => main(find).env.push({ name, value });
const args =
  (...words: string[]) =>
  (find: any) =>
    (main(find).args = words);
const file = (key: string, value: string) => (find: any) => (find('ConfigMap/server').data[key] = value);
const annotation = (key: string, value: string) => (find: any) =>
  (find('Ingress/server').metadata.annotations[key] = value);
const RANDOM = 'bXlTZWNyZXQ5aFB3dDdRejJLeA';

expectFaults(secrets, [
  [
    'a Secret with data',
    (_, objects) =>
      objects.push({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, stringData: { password: 'x' } }),
    /Secret\/a: has values for password/,
  ],
  ['a password in env', env('POSTGRES_PASSWORD', 'mlflow'), /env POSTGRES_PASSWORD: has a literal/],
  ['an access key in env', env('AWS_ACCESS_KEY_ID', 'minioadmin'), /env AWS_ACCESS_KEY_ID: has a literal/],
  ['a signing key in env', env('MLFLOW_FLASK_SERVER_SECRET_KEY', 'change-me'), /SECRET_KEY: has a literal/],
  ['a URL with a password', env('DATABASE', 'postgresql://mlflow:secret@postgres/mlflow'), /URL with a password/],
  ['something random in env', env('SALT', RANDOM), /looks like a random secret/],
  ['a hexadecimal key', env('SALT', '9f86d081884c7d659a2feaa0c55ad0159f86d081'), /looks like a random secret/],
  ['a flag with a password', args('serve', '--db-password=hunter2'), /argument 1 db-password: has a literal/],
  ['a flag before a password', args('serve', '--token', 'hunter2'), /--token\): has a literal/],
  ['an assignment in a shell line', args('sh', '-c', 'PGPASSWORD=hunter2 psql'), /PGPASSWORD: has a literal/],
  ['a password in a setting', file('ADMIN_PASSWORD', 'mlflow'), /data.ADMIN_PASSWORD: has a literal/],
  ['a password in a program', file('a.py', "connect(password='hunter2')"), /data.a.py: password has a literal/],
  [
    'a password in a setting',
    file('basic_auth.ini', '[mlflow]\nadmin_password = password1234\n'),
    /ini admin_password: has/,
  ],
  ['a password in a script', file('a.sh', 'export PGPASSWORD=hunter2\npsql'), /data.a.sh PGPASSWORD: has a literal/],
  ['a URL in a program', file('a.conf', 'proxy_pass http://u:hunter2@minio:9000;'), /URL with a password/],
  ['a password in JSON', file('a.json', '{"admin": {"password": "hunter2"}}'), /admin.password: has a literal/],
  [
    'a planned password with a value',
    file('credentials.json', '{"secrets":[{"name":"a","keys":{"password":{"value":"mlflow"}}}]}'),
    /password.value: has a literal/,
  ],
  ['a private key', file('tls.conf', '-----BEGIN RSA PRIVATE KEY-----\nMIIB'), /a private key/],
  ['an AWS key', annotation('note', 'AKIAIOSFODNN7EXAMPLE'), /an AWS access key/],
  [
    'a password in an annotation',
    annotation('example.com/password', 'hunter2'),
    /annotation example.com\/password: has a literal/,
  ],
]);

const innocent: [string, (find: any) => unknown][] = [
  ['a path', env('AWS_SHARED_CREDENTIALS_FILE', '/run/secrets/aws')],
  ['a variable', env('PASSWORD', '$(OTHER)')],
  ['a URL of variables', env('DATABASE', 'postgresql://$(USER):$(PASSWORD)@postgres/mlflow')],
  ['the name of a Secret', env('CREDENTIALS_SECRET_NAME', 'mlflow-postgres')],
  ['the name of a key', env('PASSWORD_KEY', 'root-password')],
  ['a switch', env('TOKEN_REQUIRED_SECRET', 'true')],
  ['an image digest', env('IMAGE', `mlflow@sha256:${'4f6e'.repeat(16)}`)],
  ['a long host name', env('HOST', 'mlflow-server.models-production.svc.cluster.local:5000')],
  [
    'a shell line with variables',
    args('sh', '-c', 'PGPASSWORD="$(cat /run/secrets/password)" psql --password-file=/x'),
  ],
  [
    'a program that speaks of tokens',
    file('a.py', "token = request.headers['token']\nsecret = 'mlflow-postgres'\nx = {'SECRETS_CACHE_TTL': '3600'}"),
  ],
  [
    'settings that speak of tokens',
    file('a.yaml', 'token_file: /run/token\nsecretName: "mlflow-postgres"\nexpr: rate(a[5m]) > 1\n'),
  ],
  [
    'a script that reads a password',
    file('a.sh', 'password="$(cat /run/secrets/password)"\nexport PGPASSWORD="${password}"'),
  ],
  ['a template of a URL', file('a.js', 'const url = `postgresql://${user}:${password}@${host}`;')],
  ['a reference in an annotation', annotation('nginx.ingress.kubernetes.io/auth-secret', 'mlflow-users')],
];

test.each(innocent)('accepts %s', (_, change) => expectNothing(change));

function expectNothing(change: (find: any) => unknown): void {
  const objects = goodPlatform();
  change((wanted: string) => objects.find((object) => title(object) === wanted));
  expect(secrets(objects)).toEqual([]);
}
