import { Size } from 'cdk8s';
import { ContainerResources, Cpu } from 'cdk8s-plus-27';
import { POSTGRES_PORT, POSTGRES_USER } from './postgres-pod';
import { PostgresStatefulSetProps } from './postgres-stateful-set-props';
import { Component } from '../component/component';
import { metricsRules } from '../component/metrics-rules';
import { PlacementOptions, mirrored } from '../component/pod-options';
import { PodProps } from '../component/pod-template';
import { Credentials, LoginReference } from '../credentials/credentials';
import { Images } from '../images';
import { SecretVariable } from '../kubernetes/connection';
import { Container } from '../kubernetes/manifest';
import { peerRules } from '../kubernetes/network-peer';
import { environment, secretVolume } from '../kubernetes/pod';
import { LOG_SPACE, mergeResources, renderResources, resourceRules } from '../kubernetes/resources';
import { Rule, imageRule } from '../kubernetes/rules';
import { containerSecurity } from '../kubernetes/security';

export const EXPORTER_PORT = 9187;

const SECRETS = '/run/secrets/exporter';

const defaultResources: ContainerResources = {
  cpu: { request: Cpu.millis(20), limit: Cpu.millis(500) },
  memory: { request: Size.mebibytes(32), limit: Size.mebibytes(128) },
  ephemeralStorage: LOG_SPACE,
};

/** What is wrong with the options of metrics. */
export function exporterRules(props: PostgresStatefulSetProps): Rule[] {
  const { metrics, metricsClients, exporterCredentials, exporterImage, exporterResources } = props;
  return [
    ...metricsRules(metrics, { metricsClients, exporterCredentials, exporterImage, exporterResources }),
    ...peerRules('metricsClients', metricsClients),
    ...(exporterImage === undefined ? [] : [imageRule(exporterImage, 'exporterImage')]),
    ...resourceRules(mergeResources(defaultResources, exporterResources), 'exporterResources'),
  ];
}

export interface ExporterProps {
  readonly image: string;
  readonly resources: ContainerResources;
  readonly login: LoginReference;
}

/** The props with every default filled in. The credentials are requested here. */
export function exporterProps(
  server: Component,
  { exporterCredentials, exporterImage, exporterResources }: PostgresStatefulSetProps,
  placement: PlacementOptions,
): ExporterProps {
  return {
    image: exporterImage ?? mirrored(Images.POSTGRES_EXPORTER, placement),
    resources: mergeResources(defaultResources, exporterResources),
    login: (exporterCredentials ?? Credentials.generated())._login(server, {
      prop: 'exporterCredentials',
      secretName: `${server.componentName}-exporter-secret`,
      usernameKey: 'username',
      passwordKey: 'password',
      username: { value: 'exporter' },
      password: { generate: 'password' },
    }),
  };
}

/** The exporter's login, under the names of variables that a program chooses. */
export function loginVariables({ login }: ExporterProps, username: string, password: string): SecretVariable[] {
  const { secretName, usernameKey, passwordKey } = login;
  return [
    { variable: username, secretName, key: usernameKey },
    { variable: password, secretName, key: passwordKey },
  ];
}

/**
 * The server's pod with a second container, postgres_exporter.
 *
 * @see https://github.com/prometheus-community/postgres_exporter#environment-variables
 */
export function withExporter(pod: PodProps, props: ExporterProps): PodProps {
  const { image, resources } = props;
  const exporter: Container = {
    name: 'exporter',
    image,
    command: ['/bin/postgres_exporter'],
    args: [`--web.listen-address=:${EXPORTER_PORT}`],
    env: environment({
      // Over the loopback, on which pg_hba.conf allows the role to connect without TLS.
      DATA_SOURCE_URI: `127.0.0.1:${POSTGRES_PORT}/postgres?sslmode=disable`,
      DATA_SOURCE_USER_FILE: `${SECRETS}/username`,
      DATA_SOURCE_PASS_FILE: `${SECRETS}/password`,
    }),
    ports: [{ name: 'metrics', containerPort: EXPORTER_PORT }],
    // It answers even if the database does not: `pg_up` is then 0.
    livenessProbe: {
      httpGet: { path: '/', port: 'metrics' },
      timeoutSeconds: 5,
      periodSeconds: 20,
      failureThreshold: 6,
    },
    readinessProbe: { tcpSocket: { port: 'metrics' }, periodSeconds: 5, failureThreshold: 3 },
    resources: renderResources(resources),
    securityContext: containerSecurity(POSTGRES_USER),
    volumeMounts: [{ name: 'exporter', mountPath: SECRETS, readOnly: true }],
  };
  const secrets = secretVolume('exporter', loginVariables(props, 'username', 'password'));
  return {
    ...pod,
    metrics: { port: EXPORTER_PORT },
    containers: [...pod.containers, exporter],
    volumes: [...pod.volumes, secrets],
  };
}
