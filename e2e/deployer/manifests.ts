import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Images } from '../../lib';

// Written by hand, so that the test of the program does not depend on the constructs that render it.

const read = (path: string) => readFileSync(join(__dirname, '..', '..', path), 'utf8');
const resources = { requests: { cpu: '10m', memory: '32Mi' } };
const meta = (name: string) => ({ name, labels: { app: name } });

const configMap = (name: string, data: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});

function deployment(name: string, spec: object, template: object): any {
  const labels = { app: name };
  const selector = { matchLabels: labels };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: meta(name),
    spec: {
      ...spec,
      selector,
      template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 5, ...template } },
    },
  };
}

/** Pods of version 3 never complete their download, pods of version 4 never become Ready, all others serve. */
const download = 'while [ -z "$MODEL_VERSION" ]; do echo no version yet; sleep 1; done; [ "$MODEL_VERSION" != 3 ]';
const serve = '[ "$MODEL_VERSION" = 4 ] || touch /tmp/ready; trap "exit 0" TERM; while :; do sleep 1; done';

export const serving = deployment(
  'churn-serving',
  { replicas: 2, progressDeadlineSeconds: 60, strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } },
  {
    initContainers: [{ name: 'download-model', image: Images.NODE, command: ['sh', '-c', download], resources }],
    containers: [
      {
        ...{ name: 'model-server', image: Images.NODE, command: ['sh', '-c', serve], resources },
        env: [{ name: 'OTHER', value: 'stays' }],
        readinessProbe: { exec: { command: ['test', '-e', '/tmp/ready'] }, periodSeconds: 1 },
      },
    ],
  },
);

const registry = [
  configMap('registry', { 'registry.js': read('e2e/deployer/registry.js') }),
  deployment(
    'registry',
    { replicas: 1 },
    {
      containers: [
        {
          ...{ name: 'registry', image: Images.NODE, command: ['node', '/program/registry.js'], resources },
          volumeMounts: [{ name: 'program', mountPath: '/program' }],
        },
      ],
      volumes: [{ name: 'program', configMap: { name: 'registry' } }],
    },
  ),
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta('registry'),
    spec: { selector: { app: 'registry' }, ports: [{ port: 5000 }] },
  },
];

const rule = (apiGroups: string, resource: string, verbs: string[], resourceNames?: string[]) => ({
  ...{ apiGroups: [apiGroups], resources: [resource], verbs },
  ...(resourceNames && { resourceNames }),
});

function deployer(namespace: string) {
  const name = 'mlflow-deployer';
  const target = {
    ...{ namespace, deployment: 'churn-serving', container: 'model-server', initContainer: 'download-model' },
    ...{ model: 'churn', alias: 'champion' },
  };
  const targets = { pollSeconds: 2, trackingUri: 'http://registry:5000', targets: [target] };
  const field = (fieldPath: string) => ({ valueFrom: { fieldRef: { fieldPath } } });
  const rbac = 'rbac.authorization.k8s.io';
  return [
    configMap(name, { 'deployer.js': read('build/runtime/deployer.js'), 'targets.json': JSON.stringify(targets) }),
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } },
    {
      ...{ apiVersion: `${rbac}/v1`, kind: 'Role', metadata: { name } },
      rules: [
        rule('apps', 'deployments', ['get', 'patch'], ['churn-serving']),
        rule('coordination.k8s.io', 'leases', ['get', 'update'], [name]),
        rule('coordination.k8s.io', 'leases', ['create']),
        rule('events.k8s.io', 'events', ['create']),
      ],
    },
    {
      ...{ apiVersion: `${rbac}/v1`, kind: 'RoleBinding', metadata: { name } },
      roleRef: { apiGroup: rbac, kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
    deployment(
      name,
      { replicas: 2 },
      {
        serviceAccountName: name,
        terminationGracePeriodSeconds: 30,
        containers: [
          {
            ...{ name: 'deployer', image: Images.NODE, command: ['node', '/program/deployer.js'], resources },
            env: [
              { name: 'DEPLOYER_TARGETS', value: '/program/targets.json' },
              { name: 'LEASE_NAME', value: name },
              { name: 'POD_NAME', ...field('metadata.name') },
              { name: 'POD_NAMESPACE', ...field('metadata.namespace') },
            ],
            volumeMounts: [{ name: 'program', mountPath: '/program' }],
            livenessProbe: { httpGet: { path: '/healthz', port: 8080 } },
            readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 },
            securityContext: { runAsUser: 1000, runAsNonRoot: true, readOnlyRootFilesystem: true },
          },
        ],
        volumes: [{ name: 'program', configMap: { name } }],
      },
    ),
  ];
}

export const around = (namespace: string) => [...registry, ...deployer(namespace)];
