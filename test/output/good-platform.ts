import { Manifest, parseManifests } from './manifests';

const labels = (component: string) =>
  `{ app.kubernetes.io/name: mlflow, app.kubernetes.io/instance: mlflow, app.kubernetes.io/component: ${component} }`;

const container = `
            resources:
              requests: { cpu: 100m, memory: 64Mi, ephemeral-storage: 16Mi }
              limits: { cpu: '1', memory: 128Mi, ephemeral-storage: 1Gi }
            securityContext:
              allowPrivilegeEscalation: false
              readOnlyRootFilesystem: true
              capabilities: { drop: [ALL] }`;

const security = `
          securityContext:
            runAsNonRoot: true
            runAsUser: 1000
            runAsGroup: 1000
            seccompProfile: { type: RuntimeDefault }`;

const server = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: server, labels: ${labels('server')} }
spec:
  selector: { matchLabels: ${labels('server')} }
  template:
        metadata:
          labels: ${labels('server')}
          annotations: { cdk8s-mlflow/config-hash: 9f86d081884c7d659a2feaa0c55ad015 }
        spec:
          serviceAccountName: server
          automountServiceAccountToken: false${security}
          initContainers:
          - name: wait
            image: ghcr.io/mlflow/mlflow:v3.18.0${container}
          - name: proxy
            image: nginxinc/nginx-unprivileged:1.28-alpine
            restartPolicy: Always
            ports: [{ name: http, containerPort: 8080 }, { name: metrics, containerPort: 9090 }]
            lifecycle: { preStop: { sleep: { seconds: 5 } } }
            livenessProbe: { tcpSocket: { port: http } }
            readinessProbe: { httpGet: { path: /health, port: 8080 } }
            volumeMounts: [{ name: config, mountPath: /etc/nginx/nginx.conf, subPath: nginx.conf }]${container}
          containers:
          - name: mlflow
            image: ghcr.io/mlflow/mlflow:v3.18.0
            env:
            - { name: PASSWORD_FILE, value: /run/secrets/password }
            - { name: PASSWORD, valueFrom: { secretKeyRef: { name: postgres, key: password } } }
            livenessProbe: { exec: { command: [test, -e, /tmp/alive] } }
            volumeMounts: [{ name: secrets, mountPath: /run/secrets }]${container}
          volumes:
          - { name: config, configMap: { name: server } }
          - name: secrets
            projected: { sources: [{ secret: { name: postgres, items: [{ key: password, path: password }] } }] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: server }
data:
  nginx.conf: |
    server { listen 8080; proxy_set_header Authorization "$http_authorization"; }
  serve.py: |
    password = open('/run/secrets/password').read()
    uri = f'postgresql://{user}:{password}@postgres:5432/mlflow'
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: server }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: server }
  minReplicas: 3
  maxReplicas: 10
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: server, annotations: { cert-manager.io/cluster-issuer: letsencrypt } }
spec:
  tls: [{ hosts: [mlflow.example.com], secretName: server-tls }]
  rules:
  - host: mlflow.example.com
    http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: server, port: { name: http } } } }] }
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: { name: server }
spec:
  selector: { matchLabels: ${labels('server')} }
  endpoints: [{ port: http, path: /metrics }]
`;

const database = `
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: postgres, labels: ${labels('postgres')} }
spec:
  serviceName: postgres
  replicas: 1
  selector: { matchLabels: ${labels('postgres')} }
  template:
        metadata: { labels: ${labels('postgres')} }
        spec:
          serviceAccountName: postgres
          automountServiceAccountToken: false${security}
          containers:
          - name: postgres
            image: docker.io/library/postgres:17@sha256:${'4f6e'.repeat(16)}
            ports: [{ name: postgres, containerPort: 5432 }]
            livenessProbe: { exec: { command: [pg_isready] } }
            readinessProbe: { exec: { command: [psql, -c, select 1] } }
            volumeMounts: [{ name: data, mountPath: /data }]${container}
  volumeClaimTemplates:
  - metadata: { name: data }
    spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 50Gi } } }
`;

const credentials = `
apiVersion: batch/v1
kind: Job
metadata: { name: credentials-1a2b3c4d, labels: ${labels('credentials')} }
spec:
  template:
        metadata: { labels: ${labels('credentials')} }
        spec:
          serviceAccountName: credentials
          automountServiceAccountToken: true
          restartPolicy: Never${security}
          containers:
          - name: credentials
            image: docker.io/library/node:22-alpine
            command: [node, /programs/credentials.js]
            volumeMounts: [{ name: program, mountPath: /programs }]${container}
          volumes: [{ name: program, configMap: { name: credentials } }]
---
apiVersion: v1
kind: ConfigMap
metadata: { name: credentials }
data:
  credentials.js: "const token = readFileSync('/var/run/secrets/token');"
  credentials.json: |
    {"secrets": [{"name": "postgres", "labels": {}, "keys": {
      "username": {"value": "mlflow"},
      "password": {"generate": "password"},
      "htpasswd": {"generate": "htpasswd", "username": "username", "password": "password"}}}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: credentials }
rules: [{ apiGroups: [''], resources: [secrets], verbs: [create] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: credentials }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: credentials }
subjects: [{ kind: ServiceAccount, name: credentials }]
`;

const service = (name: string, port: number, targetPort: string) => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, labels: ${labels(name)} }
spec: { ${name === 'postgres' ? 'clusterIP: None, ' : ''}selector: ${labels(name)}, ports: [{ name: ${targetPort}, port: ${port}, targetPort: ${targetPort} }] }
`;

const surroundings = (name: string, ingress: string) => `
apiVersion: v1
kind: ServiceAccount
metadata: { name: ${name} }
automountServiceAccountToken: ${name === 'credentials'}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: ${name} }
spec:
  podSelector: { matchLabels: ${labels(name)} }
  policyTypes: [Ingress, Egress]
  ingress: ${ingress}
  egress: ${name === 'server' ? `[{ to: [{ podSelector: { matchLabels: ${labels('postgres')} } }], ports: [{ port: 5432 }] }]` : '[]'}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: ${name} }
spec: { maxUnavailable: 1, selector: { matchLabels: ${labels(name)} } }
`;

/** A small platform without findings. Each call returns a new one, to which tests add a fault. */
export function goodPlatform(): Manifest[] {
  return parseManifests(
    [
      server,
      service('server', 5000, 'http'),
      surroundings('server', '[{ ports: [{ port: http }, { port: 9090 }] }]'),
      database,
      service('postgres', 5432, 'postgres'),
      surroundings(
        'postgres',
        `[{ from: [{ podSelector: { matchLabels: ${labels('server')} } }], ports: [{ port: postgres }] }]`,
      ),
      credentials,
      surroundings('credentials', '[]'),
    ].join('\n---\n'),
  );
}
