import { findings } from './findings';
import { goodPlatform } from './good-platform';
import { parseManifests } from './manifests';

test('a correct platform has no findings', () => {
  expect(findings(goodPlatform())).toEqual([]);
});

test('a faulty manifest has findings of every check', () => {
  const objects = parseManifests(`
apiVersion: apps/v1
kind: Deployment
metadata: { name: server }
spec:
  replicas: 3
  selector: { matchLabels: { app: server } }
  template:
    metadata: { labels: { app: server } }
    spec:
      containers:
      - name: server
        image: server
        args: ['\${HOME}']
        env: [{ name: PASSWORD, value: hunter2 }, { name: URL, value: 'http://server' }]
        envFrom: [{ secretRef: { name: nobody } }]
        volumeMount: [{ name: data, mountPath: /data }]
        ports: [{ name: http, containerPort: 80 }]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: server }
spec: { scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: server }, maxReplicas: 3 }
---
apiVersion: v1
kind: Service
metadata: { name: server }
spec: { selector: { app: server }, ports: [{ port: 80, targetPort: web }] }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: server }
spec: { podSelector: { matchLabels: { app: server } }, ingress: [{ ports: [{ port: 81 }] }] }
`);
  const checks = new Set(findings(objects).map((finding) => /^\[(.*?)\]/.exec(finding)![1]));
  expect([...checks].sort()).toEqual(
    'connections names pod-security pods ports proxies references schema secrets substitution workloads'.split(' '),
  );
});

test('an object that is declared as external is no finding', () => {
  const objects = goodPlatform();
  objects.find(({ kind }) => kind === 'Deployment')!.spec.template.spec.imagePullSecrets = [{ name: 'login' }];
  expect(findings(objects)).toHaveLength(1);
  expect(findings(objects, ['Secret/login'])).toEqual([]);
});
