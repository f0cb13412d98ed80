import { App, Chart, Size } from 'cdk8s';
import {
  CertificateAuthority,
  ModelServing,
  ModelServingOptions,
  ModelServingProps,
  Credentials,
  MlflowPlatform,
  MlflowPlatformProps,
  PlacementOptions,
  PlatformServingOptions,
  RegisteredModel,
  TrackingEndpoint,
} from '../../lib';
import { Rendered, errorOf, find, render, synth } from '../support/synth';

export const churn = RegisteredModel.byAlias('churn-prediction-model', 'champion');

export const elsewhere = TrackingEndpoint.fromUrl('http://mlflow-server.mlflow.svc:5000', {
  credentials: Credentials.fromSecret('login'),
});

/** Every option for the placement of pods. */
export const placement: Required<PlacementOptions> = {
  nodeSelector: { pool: 'ml' },
  tolerations: [{ key: 'ml', operator: 'Exists' }],
  affinity: {},
  priorityClassName: 'high',
  runtimeClassName: 'nvidia',
  labels: { 'cost-center': '4711' },
  annotations: { 'example.com/contact': 'ml@example.com' },
  jobPodLabels: { 'sidecar.istio.io/inject': 'false' },
  jobPodAnnotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' },
  imagePullSecrets: ['registry'],
  podAnnotations: { 'example.com/owner': 'ml' },
  podLabels: { team: 'ml' },
  scrapeAnnotations: true,
  imageRegistry: 'registry.example.com/mirror',
  apiServerEgress: [{ peer: { cidr: '10.3.2.1/32' }, port: 7443 }],
  jobResources: { memory: { request: Size.mebibytes(96), limit: Size.mebibytes(300) } },
  reserveEphemeralStorage: true,
  clusterAssignsUsers: false,
  authority: CertificateAuthority.fromConfigMap('company-ca'),
  images: { node: 'registry.example.com/node:22.1.0' },
};

/** The objects of a standalone serving. */
export function servingObjects(props: Partial<ModelServingProps> = {}, id = 'churn'): Rendered[] {
  return synth((chart) => {
    new ModelServing(chart, id, { model: churn, tracking: elsewhere, ...props });
  }, 'ml-serving');
}

export function servingError(props: Partial<ModelServingOptions>, id = 'churn'): string {
  return errorOf(() => servingObjects(props, id));
}

export function podOf(objects: Rendered[], name = 'churn-serving'): Rendered {
  return find(objects, 'Deployment', name).spec.template;
}

/** A platform in the namespace `mlflow`, and its servings in `ml-serving`. */
export function platformWithServings(
  servings: Record<string, Partial<PlatformServingOptions>>,
  props: MlflowPlatformProps = {},
) {
  const app = new App();
  const chart = new Chart(app, 'mlflow', { namespace: 'mlflow' });
  const serving = new Chart(app, 'ml-serving', { namespace: 'ml-serving' });
  const platform = new MlflowPlatform(chart, 'mlflow', props);
  for (const [id, options] of Object.entries(servings)) {
    platform.addModelServing(id, { model: churn, chart: serving, ...options });
  }
  return { platform, mlflow: render(chart), serving: render(serving) };
}

export function valueOf(container: Rendered, name: string): string | undefined {
  return container.env.find((variable: Rendered) => variable.name === name)?.value;
}
