import { Chart } from 'cdk8s';
import {
  EgressRule,
  MlflowPlatform,
  ModelDeployer,
  PostgresStatefulSet,
  RegisteredModel,
  TrackingEndpoint,
} from '../../lib';
import { errorOf, find, synth } from '../support/synth';

const apiServerEgress: EgressRule[] = [{ peer: { cidr: '10.3.2.1/32' }, port: 7443 }];
const rule = { to: [{ ipBlock: { cidr: '10.3.2.1/32' } }], ports: [{ port: 7443, protocol: 'TCP' }] };
const anyControlPlane = {
  ports: [443, 6443, 8443, 16443, 2040].map((port) => ({ port, protocol: 'TCP' })),
};
const model = RegisteredModel.byAlias('churn', 'champion');

const platform = (props: object) => (chart: Chart) =>
  void new MlflowPlatform(chart, 'mlflow', props).addModelServing('churn', { model });
const egressOf = (build: (chart: Chart) => void, name: string) => find(synth(build), 'NetworkPolicy', name).spec.egress;

describe('pods that call the API server', () => {
  test.each<[string, string, (chart: Chart) => void]>([
    ['the credentials Job of a platform', 'mlflow-credentials', platform({ pods: { apiServerEgress } })],
    ['the deployer of a platform', 'mlflow-deployer', platform({ pods: { apiServerEgress } })],
    ['the deployer with options of its own', 'mlflow-deployer', platform({ deployer: { apiServerEgress } })],
    [
      'the credentials Job of a component without a platform',
      'postgres-credentials',
      (chart) => new PostgresStatefulSet(chart, 'postgres', { apiServerEgress }),
    ],
    [
      'a deployer without a platform',
      'deployer',
      (chart) =>
        new ModelDeployer(chart, 'deployer', {
          tracking: TrackingEndpoint.fromUrl('https://mlflow.example.com'),
          apiServerEgress,
        }),
    ],
  ])('reach it only at the addresses of apiServerEgress: %s', (_, name, build) => {
    const egress = egressOf(build, name);
    expect(egress).toContainEqual(rule);
    expect(egress).not.toContainEqual(anyControlPlane);
  });

  test.each(['mlflow-credentials', 'mlflow-deployer'])('reach it on the usual ports by default: %s', (name) => {
    expect(egressOf(platform({}), name)).toContainEqual(anyControlPlane);
  });
});

test('pods that do not call the API server have no egress to it', () => {
  for (const { kind, metadata, spec } of synth(platform({ pods: { apiServerEgress } }))) {
    if (kind !== 'NetworkPolicy' || /-(credentials|deployer)$/.test(metadata.name)) continue;
    expect(spec.egress ?? []).not.toContainEqual(rule);
  }
});

test.each<[string, EgressRule[], string]>([
  ['an empty list', [], 'apiServerEgress is an empty list'],
  ['port 0', [{ peer: { anyone: true }, port: 0 }], 'the port of apiServerEgress is 0'],
  ['a peer without anything', [{ peer: {}, port: 443 }], 'apiServerEgress has {}'],
  ['an address without a mask', [{ peer: { cidr: '10.3.2.1' }, port: 443 }], "cidr of apiServerEgress is '10.3.2.1'"],
])('refuses an apiServerEgress with %s', (_, wrong, message) => {
  expect(errorOf(() => synth(platform({ pods: { apiServerEgress: wrong } })))).toContain(message);
});
