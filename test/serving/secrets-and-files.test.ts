import { platformWithServings, podOf, servingError, servingObjects } from './servings';
import {
  Exposure,
  ModelServingProps,
  MountedFiles,
  SecretValue,
  ServingRuntime,
  TrackingEndpoint,
  WarmUp,
} from '../../lib';
import { Rendered } from '../support/synth';
import { containerOf, filesOf } from '../tracking/servers';

const key = SecretValue.fromSecret('llm', 'key');
const secretEnvironment = { OPENAI_API_KEY: key };
const runtimes: [string, ServingRuntime][] = [
  ['offline', ServingRuntime.offline()],
  ['with requirements', ServingRuntime.withRequirements({ indexUrl: 'https://pypi.example.com/simple' })],
  ['with an image of your own', ServingRuntime.image('registry.example.com/churn:1.0.0')],
];
const mountOf = (container: Rendered, volume: string) =>
  container.volumeMounts.find(({ name }: Rendered) => name === volume);

describe.each(runtimes)('secretEnvironment of a serving %s', (_name, runtime) => {
  const pod = podOf(servingObjects({ secretEnvironment, runtime }));

  test('is a file beside the login of the registry', () => {
    expect(filesOf(pod, 'secrets')).toEqual({
      MLFLOW_TRACKING_USERNAME: { secret: 'login', key: 'username' },
      MLFLOW_TRACKING_PASSWORD: { secret: 'login', key: 'password' },
      OPENAI_API_KEY: { secret: 'llm', key: 'key' },
    });
  });

  // Both programs read the folder: test/runtime/python.
  test.each(['download-model', 'model-server'])('is read by the program of the container %s', (name) => {
    const container = containerOf(pod, name);
    expect(mountOf(container, 'secrets')).toEqual({
      name: 'secrets',
      mountPath: '/run/secrets/mlflow',
      readOnly: true,
    });
    expect(container.command).toEqual(['python', expect.stringMatching(/^\/opt\/cdk8s-mlflow\/\w+\.py$/)]);
    expect(container.env.map((variable: Rendered) => variable.name)).not.toContain('OPENAI_API_KEY');
  });
});

test('secretEnvironment of a serving works without a login of the registry', () => {
  const tracking = TrackingEndpoint.fromUrl('http://mlflow-server.mlflow.svc:5000');
  const pod = podOf(servingObjects({ tracking, secretEnvironment }));
  expect(filesOf(pod, 'secrets')).toEqual({ OPENAI_API_KEY: { secret: 'llm', key: 'key' } });
  expect(podOf(servingObjects({ tracking })).spec.volumes.map(({ name }: Rendered) => name)).not.toContain('secrets');
});

test('nginx of an exposed serving gets neither the variables nor the files', () => {
  const { serving } = platformWithServings({
    churn: {
      secretEnvironment,
      files: [MountedFiles.fromSecret('llm', '/etc/llm')],
      exposure: Exposure.ingress({ host: 'churn.example.com' }),
    },
  });
  const nginx = containerOf(podOf(serving), 'nginx');
  expect(mountOf(nginx, 'secrets')).toBeUndefined();
  expect(mountOf(nginx, 'mounted-files-0')).toBeUndefined();
});

describe('a variable of secretEnvironment', () => {
  test.each([
    ['MLFLOW_TRACKING_URI', 'expected without it: it comes from the props model and tracking'],
    ['MLFLOW_TRACKING_PASSWORD', 'expected the prop tracking'],
    ['MLFLOW_SECRETS_DIRECTORY', 'the library sets it'],
    ['MODEL_VERSION', 'it comes from the props model and tracking'],
    ['MAX_REQUESTS', 'expected the prop maxConcurrentRequests'],
    ['_MLFLOW_X', 'the library sets it'],
  ])('is refused if the library depends on it: %s (%s)', (name, instead) => {
    const message = servingError({ secretEnvironment: { [name]: key } });
    expect(message).toContain(`chart/churn: secretEnvironment has ${name}; expected `);
    expect(message).toContain(instead);
  });

  test('may be any other, e.g. the keys of a cloud', () => {
    expect(() => servingObjects({ secretEnvironment: { AWS_SECRET_ACCESS_KEY: key, HF_TOKEN: key } })).not.toThrow();
  });

  test('is the way out that the message about secrets in environment names', () => {
    expect(servingError({ environment: { HF_TOKEN: 'x' } })).toContain('use the prop secretEnvironment');
  });
});

describe('files of a serving', () => {
  test.each(['download-model', 'model-server'])('are read-only folders of the container %s', (name) => {
    const files = [MountedFiles.fromConfigMap('prompts', '/etc/prompts')];
    const pod = podOf(servingObjects({ files }));
    expect(mountOf(containerOf(pod, name), 'mounted-files-0')).toEqual({
      name: 'mounted-files-0',
      mountPath: '/etc/prompts',
      readOnly: true,
    });
    expect(pod.spec.volumes).toContainEqual({ name: 'mounted-files-0', configMap: { name: 'prompts' } });
  });

  /** With every mount that a serving can have. */
  const props: Partial<ModelServingProps> = { runtime: runtimes[1][1], warmUp: WarmUp.request('{"inputs": [[1]]}') };
  const { spec } = podOf(servingObjects(props));
  const paths: string[] = [...spec.initContainers, ...spec.containers].flatMap(({ volumeMounts }: Rendered) =>
    volumeMounts.map(({ mountPath }: Rendered) => mountPath),
  );

  // Also without the option that mounts it, so that the option can be added later.
  test.each([...new Set(paths)])('%s, which the library can mount, is refused', (path) => {
    for (const mountPath of [path, `${path}/x`]) {
      expect(servingError({ files: [MountedFiles.fromConfigMap('prompts', mountPath)] })).toContain(
        `chart/churn: the mountPath of files[0] is '${mountPath}', and `,
      );
    }
  });
});
