import { MountedFiles } from '../../lib';
import { connectedFolders, mountFiles, mountedFilesRules } from '../../lib/kubernetes/mounted-files';
import { Rule } from '../../lib/kubernetes/rules';

const broken = (rules: Rule[]) => rules.filter(({ wrong }) => wrong).map(({ given, want }) => `${given}; ${want}`);
const at = (...paths: string[]) => paths.map((path) => MountedFiles.fromConfigMap('prompts', path));
const taken = ['/tmp', '/opt/cdk8s-mlflow'];

test('each is a volume and a read-only mount', () => {
  const { volumes, mounts } = mountFiles([
    MountedFiles.fromConfigMap('prompts', '/etc/prompts'),
    MountedFiles.fromSecret('llm-certificate', '/etc/llm'),
  ]);
  expect(volumes).toEqual([
    { name: 'mounted-files-0', configMap: { name: 'prompts' } },
    // Group-readable: the pod's fsGroup is the group of the files.
    { name: 'mounted-files-1', secret: { secretName: 'llm-certificate', defaultMode: 0o440 } },
  ]);
  expect(mounts).toEqual([
    { name: 'mounted-files-0', mountPath: '/etc/prompts', readOnly: true },
    { name: 'mounted-files-1', mountPath: '/etc/llm', readOnly: true },
  ]);
  expect(mountFiles()).toEqual({ volumes: [], mounts: [] });
});

test.each(['/etc/prompts', '/data', '/etc/ssl/certs', '/home/mlflow/.aws', '/var/lib/models', '/tmpx', '/a..b/-c_'])(
  '%s is accepted',
  (path) => expect(broken(mountedFilesRules(at(path), taken))).toEqual([]),
);

test.each([
  '',
  '/',
  'prompts',
  '/a/',
  '//a',
  '/a//b',
  '/a/.',
  '/a/../b',
  '/..',
  '/a b',
  '/a:b',
  '/ä',
  `/${'a'.repeat(255)}`,
])('%j is refused, which is no plain absolute path', (path) => {
  expect(broken(mountedFilesRules(at(path), taken))).toEqual([
    expect.stringContaining(`the mountPath of files[0] is '${path}'; expected an absolute path without '.', '..'`),
  ]);
});

test.each([
  ['/tmp', '/tmp'],
  ['/tmp/prompts', '/tmp'],
  ['/opt', '/opt/cdk8s-mlflow'],
  ['/opt/cdk8s-mlflow/x', '/opt/cdk8s-mlflow'],
  ['/run/secrets/mlflow', '/run/secrets'],
  ['/run/secrets/kubernetes.io/serviceaccount', '/run/secrets'],
  ['/run', '/run/secrets'],
  // A link to /run in the usual images.
  ['/var/run/secrets/mlflow', '/run/secrets'],
  ['/var/run', '/run/secrets'],
  ['/proc/1', '/proc'],
  ['/dev', '/dev'],
])('%s is refused, as %s is taken', (path, other) => {
  expect(broken(mountedFilesRules(at(path), taken))).toEqual([
    `the mountPath of files[0] is '${path}', and ${other} is taken; expected a folder that is not, contains or is in one of /dev, /opt/cdk8s-mlflow, /proc, /run/secrets, /sys, /tmp; e.g. '/etc/prompts'`,
  ]);
});

test.each(['/etc', '/usr', '/usr/local/lib', '/usr/lib', '/bin', '/var', '/home'])(
  "%s is refused, as the mount would hide the image's own files",
  (path) => {
    expect(broken(mountedFilesRules(at(path), taken))).toEqual([
      `the mountPath of files[0] is '${path}'; expected a folder below it, e.g. '${path}/prompts': the mount would hide the image's own files there`,
    ]);
  },
);

describe('two of them', () => {
  test.each([
    ['/etc/a', '/etc/a'],
    ['/etc/a', '/etc/a/b'],
    ['/etc/a/b', '/etc/a'],
    ['/run/a', '/var/run/a'],
  ])('%s and %s are refused', (one, two) => {
    expect(broken(mountedFilesRules(at(one, two), taken))).toEqual([
      `the mountPath of files[1] is '${two}', and another one is '${one}'; expected folders of which none is, contains or is in another one`,
    ]);
  });

  test('beside each other are accepted, also of one ConfigMap', () => {
    expect(broken(mountedFilesRules(at('/etc/a', '/etc/ab'), taken))).toEqual([]);
  });
});

test.each([
  [MountedFiles.fromConfigMap('Prompts', '/etc/prompts'), "the name of the ConfigMap of files[0] is 'Prompts'"],
  [MountedFiles.fromSecret('', '/etc/prompts'), "the name of the Secret of files[0] is ''"],
])('refuses a wrong name: %#', (files, message) => {
  expect(broken(mountedFilesRules([files]))).toEqual([expect.stringContaining(`${message}; expected lower-case`)]);
});

test('connections mount at the folders of their files and volumes', () => {
  const connection = {
    environment: {},
    secretFiles: [{ secretName: 'ca', keys: ['ca.crt'], directory: '/etc/mlflow-store' }],
    claims: [{ claimName: 'artifacts', directory: '/mlartifacts' }],
    egress: [],
  };
  expect(connectedFolders([connection, { environment: {}, egress: [] }])).toEqual([
    '/etc/mlflow-store',
    '/mlartifacts',
  ]);
});
