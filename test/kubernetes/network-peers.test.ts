import { App, Chart } from 'cdk8s';
import { Deployment, LabelExpression, Namespaces, Pods, Secret } from 'cdk8s-plus-27';
import { Credentials, MinioStore, MlflowPlatform, NetworkPeers, PostgresStatefulSet } from '../../lib';
import { errorOf, find, render } from '../support/synth';

const chartOf = (namespace?: string) => new Chart(new App(), 'chart', { namespace });
const deployment = (chart: Chart) =>
  new Deployment(chart, 'jobs', { containers: [{ image: 'jobs:1' }], podMetadata: { labels: { team: 'ml' } } });

describe('a network peer from pods of cdk8s-plus', () => {
  test('has the pod labels and the namespace of a Deployment', () => {
    const chart = chartOf('jobs');
    const peer = NetworkPeers.fromPods(deployment(chart));
    const [{ spec }] = render(chart);
    expect(Object.keys(peer.podLabels!)).toEqual(['cdk8s.io/metadata.addr']);
    expect(spec.template.metadata.labels).toMatchObject(peer.podLabels!);
    expect(peer.namespaceLabels).toEqual({ 'kubernetes.io/metadata.name': 'jobs' });
  });

  test('has the namespace of the policy if its chart has none', () => {
    expect(NetworkPeers.fromPods(deployment(chartOf()))).not.toHaveProperty('namespaceLabels');
  });

  test('has the labels of Pods.select()', () => {
    const pods = Pods.select(chartOf(), 'pods', { labels: { app: 'jobs' } });
    expect(NetworkPeers.fromPods(pods)).toEqual({ podLabels: { app: 'jobs' } });
  });

  test('can be any pod of namespaces with labels, or of every namespace', () => {
    const chart = chartOf();
    const labelled = Namespaces.select(chart, 'namespaces', { labels: { team: 'ml' } });
    const every = Namespaces.all(chart, 'every');
    const peerOf = (id: string, namespaces: Namespaces) =>
      NetworkPeers.fromPods(Pods.select(chart, id, { namespaces }));
    expect(peerOf('a', labelled)).toEqual({ podLabels: {}, namespaceLabels: { team: 'ml' } });
    expect(peerOf('b', every)).toEqual({ podLabels: {}, namespaceLabels: {} });
  });

  test('gets ingress to the server', () => {
    const chart = chartOf('mlflow');
    const clients = [NetworkPeers.fromPods(Pods.select(chart, 'pods', { labels: { app: 'jobs' } }))];
    new MlflowPlatform(chart, 'mlflow', { server: { clients } });
    const { ingress } = find(render(chart), 'NetworkPolicy', 'mlflow-server').spec;
    expect(ingress).toContainEqual(
      expect.objectContaining({ from: [{ podSelector: { matchLabels: { app: 'jobs' } } }] }),
    );
  });

  test('is refused for expressions, which a peer does not support', () => {
    const pods = Pods.select(chartOf(), 'pods', { expressions: [LabelExpression.exists('app')] });
    expect(errorOf(() => NetworkPeers.fromPods(pods))).toContain(
      'NetworkPeers.fromPods: the selector of pods has expressions; expected labels only, ',
    );
  });

  test('is refused for several namespaces', () => {
    const chart = chartOf();
    const pods = Pods.select(chart, 'pods', { namespaces: Namespaces.select(chart, 'two', { names: ['a', 'b'] }) });
    expect(errorOf(() => NetworkPeers.fromPods(pods))).toBe(
      'NetworkPeers.fromPods: the selector of pods has the namespaces a, b; expected one namespace, or the labels of several',
    );
  });
});

test('credentials accept the name of a Secret of cdk8s-plus', () => {
  const chart = chartOf('mlflow');
  const secret = Secret.fromSecretName(chart, 'store', 'store-login');
  const credentials = Credentials.fromSecret(secret.name);
  new MinioStore(chart, 'minio', { credentials });
  new PostgresStatefulSet(chart, 'postgres');
  expect(JSON.stringify(render(chart))).toContain('store-login');
});
