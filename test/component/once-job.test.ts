import { Duration, JsonPatch } from 'cdk8s';
import { Construct } from 'constructs';
import { MinioStore, MinioStoreProps, MlflowPlatform, MlflowPlatformProps } from '../../lib';
import { OnceJobProps, onceJob } from '../../lib/component/once-job';
import { minio } from '../support/components';
import { SmallestComponent } from '../support/smallest-component';
import { Rendered, ofKind, synth } from '../support/synth';

interface Content {
  /** Id of the construct between the chart and the component. */
  readonly within?: string;
  readonly image?: string;
  readonly env?: { name: string; value: string }[];
  readonly inputs?: string[];
  readonly props?: Partial<OnceJobProps>;
}

function job({ within, image = 'x:1', env = [], inputs = ['text'], props }: Content = {}): Rendered {
  const objects = synth((chart) => {
    const component = new SmallestComponent(within === undefined ? chart : new Construct(chart, within), 'smallest');
    onceJob(component, 'job', {
      name: 'smallest',
      backoffLimit: 3,
      inputs: () => inputs,
      pod: () => ({ user: 10001, placement: {}, containers: [{ name: 'x', image, env }], volumes: [] }),
      ...props,
    });
  });
  return ofKind(objects, 'Job')[0];
}

const nameOf = (content?: Content) => job(content).metadata.name;

test('the name of a Job ends with eight digits of a hash', () => {
  expect(nameOf()).toMatch(/^smallest-[0-9a-f]{8}$/);
});

test('a Job with the same content has the same name on two runs', () => {
  expect(nameOf()).toBe(nameOf());
});

// A Job's template is immutable: with the old name `kubectl apply` would fail.
test.each<[string, Content]>([
  ['the image', { image: 'x:2' }],
  ['the environment', { env: [{ name: 'A', value: '1' }] }],
  ['the text of its program', { inputs: ['other text'] }],
  ['one more input', { inputs: ['text', ''] }],
  ['when it gives up', { props: { backoffLimit: 4 } }],
])('a Job gets another name if %s changes', (_, content) => {
  expect(nameOf(content)).not.toBe(nameOf());
});

test('a Job gets different names for inputs whose concatenated texts are equal', () => {
  expect(nameOf({ inputs: ['ab', 'c'] })).not.toBe(nameOf({ inputs: ['a', 'bc'] }));
});

test('the order of keys does not change the name of a Job', () => {
  const env = [{ name: 'A', value: '1' }];
  expect(nameOf({ env })).toBe(nameOf({ env: [{ value: '1', name: 'A' }] }));
});

test('the path of the construct does not change the name of a Job', () => {
  expect(nameOf({ within: 'a construct' })).toBe(nameOf());
});

test('a Job has a podFailurePolicy for an exit code that is not retried', () => {
  const { spec } = job({ props: { failOnExitCodes: { container: 'x', codes: [2] } } });
  const onExitCodes = { containerName: 'x', operator: 'In', values: [2] };
  expect(spec.podFailurePolicy).toEqual({ rules: [{ action: 'FailJob', onExitCodes }] });
  expect(job().spec.podFailurePolicy).toBeUndefined();
});

describe('the Jobs of a platform', () => {
  const jobs = (props?: MlflowPlatformProps) =>
    ofKind(
      synth((chart) => new MlflowPlatform(chart, 'mlflow', props)),
      'Job',
    ).map(({ metadata }) => metadata.name);

  test('are four, with the same names on two runs', () => {
    expect(jobs()).toHaveLength(4);
    expect(jobs()).toEqual(jobs());
  });

  test('run again if their pods change', () => {
    const moved = jobs({ pods: { nodeSelector: { disk: 'ssd' } } });
    for (const name of jobs()) expect(moved).not.toContain(name);
  });

  test('do not run again if other parts change', () => {
    expect(jobs({ server: { replicas: 2, drainTimeout: Duration.seconds(10) } })).toEqual(jobs());
  });

  test('of MinIO do not run again if its size changes', () => {
    const names = (props?: MinioStoreProps) => minio(props).job.metadata.name;
    expect(names({ replicas: 4 })).toBe(names());
  });
});

describe('a JSON patch on a Job', () => {
  const name = (patch?: JsonPatch) => {
    const objects = synth((chart) => {
      const store = new MinioStore(chart, 'minio');
      if (patch) store.apiObject('set-up/job').addJsonPatch(patch);
    });
    return objects.find((each) => each.kind === 'Job' && each.metadata.name.startsWith('minio-set-up')).metadata.name;
  };

  test('gives it another name', () => {
    const patch = JsonPatch.replace('/spec/template/spec/containers/0/image', 'mirror.example.com/minio:1');
    expect(name(patch)).toMatch(/^minio-set-up-[0-9a-f]{8}$/);
    expect(name(patch)).not.toBe(name());
    expect(name(patch)).toBe(name(patch));
  });

  test('may set the name itself', () => {
    expect(name(JsonPatch.replace('/metadata/name', 'minio-set-up-mine'))).toBe('minio-set-up-mine');
  });
});
