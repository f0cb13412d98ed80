import { Size, SizeRoundingBehavior } from 'cdk8s';
import { Construct } from 'constructs';
import { Credentials, LoginReference } from '../credentials/credentials';
import { Images } from '../images';
import { IDatabase } from './database';
import { databaseConnection } from './database-client';
import { databaseNameRule } from './database-name-rule';
import { POSTGRES_PORT, POSTGRES_USER, hostRules, postgresPod } from './postgres-pod';
import { PostgresStatefulSetProps } from './postgres-stateful-set-props';
import { Tuning, maxConnections, tuningRules } from './tuning';
import { checkInputs } from '../inputs/inputs';
import { configMap, service, serviceAccount } from '../kubernetes/common-objects';
import { Component } from '../kubernetes/component';
import { Connection, ConnectionClient } from '../kubernetes/connection';
import { apiObject } from '../kubernetes/manifest';
import { NetworkBoundary } from '../kubernetes/network-boundary';
import { claimTemplate } from '../kubernetes/pod';
import { mirrored } from '../kubernetes/pod-options';
import { mergeResources, resourceRules, sizeRule, storageClassRules, storeResources } from '../kubernetes/resources';
import { check, checkAtSynth, imageRule, objectNameRule, sameNamespaceRule, wholeRule } from '../kubernetes/rules';
import { SET_UP_SUFFIX, SetUpJob } from '../kubernetes/set-up-job';

/**
 * PostgreSQL with one volume, for MLflow's runs and registry.
 *
 * Objects, by the ids for `apiObject()`: `stateful-set`, `service`, `config-map`, `service-account`, `network-policy`,
 * and of the set-up: `set-up/job`, `set-up/config-map`, `set-up/service-account`, `set-up/network-policy`.
 */
export class PostgresStatefulSet extends Component implements IDatabase {
  public readonly sharedByReplicas = true;
  public readonly clientImage: string;
  /** Name of MLflow's database. */
  public readonly databaseName: string;
  /** Name of the Service. */
  public readonly host: string;
  /** Port of the Service. */
  public readonly port = POSTGRES_PORT;

  private readonly login: LoginReference;
  private readonly clients: ConnectionClient[] = [];
  private readonly databases: string[];
  private readonly network: NetworkBoundary;
  private readonly memoryLimit: Size;

  /**
   * @param scope where it stands; a chart or a construct in one
   * @param id names the resources: a DNS label
   * @param props options; without any, PostgreSQL on a volume of 50Gi
   */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: PostgresStatefulSetProps = {},
  ) {
    super(scope, id, 'postgres', SET_UP_SUFFIX);
    checkInputs('new PostgresStatefulSet', { scope, id, props }, this);
    const name = this.componentName;
    const storage = props.storage ?? Size.gibibytes(50);
    const placement = this._placement(props);
    const image = props.image ?? mirrored(Images.POSTGRES, placement);
    const resources = mergeResources(storeResources, props.resources);
    this.databaseName = props.databaseName ?? 'mlflow';
    this.host = name;
    this.clientImage = image;
    this.databases = [this.databaseName];
    this.memoryLimit = resources.memory!.limit!;
    check(this, [
      imageRule(image),
      sizeRule('storage', storage),
      ...storageClassRules(props.storageClassName),
      ...resourceRules(resources),
      wholeRule('maxConnections', props.maxConnections, 1),
      databaseNameRule(this.databaseName),
      ...(props.tlsSecretName === undefined ? [] : [objectNameRule('tlsSecretName', props.tlsSecretName)]),
    ]);
    checkAtSynth(this, () => tuningRules(this.tuning()));

    const superuser = (props.superuser ?? Credentials.generated())._login(this, {
      prop: 'superuser',
      secretName: `${name}-secret`,
      usernameKey: 'POSTGRES_USER',
      passwordKey: 'POSTGRES_PASSWORD',
      username: { value: 'postgres' },
      password: { generate: 'password' },
    });
    this.login = (props.credentials ?? Credentials.generated())._login(this, {
      prop: 'credentials',
      secretName: `${name}-mlflow-secret`,
      usernameKey: 'username',
      passwordKey: 'password',
      username: { value: 'mlflow' },
      password: { generate: 'password' },
    });

    serviceAccount(this, 'service-account', name);
    service(this, 'service', name, {
      clusterIP: 'None',
      // There is no other one to go to: a probe that came late on a busy node would take the name away from all clients.
      publishNotReadyAddresses: true,
      selector: this.podSelector,
      ports: [{ name: 'postgres', port: POSTGRES_PORT, targetPort: 'postgres' }],
    });
    const hba = configMap(this, 'config-map', name, () => ({ 'pg_hba.conf': this.hostRules() }));
    this.network = new NetworkBoundary(this, 'network-policy', name, this.podSelector);
    apiObject(this, 'stateful-set', {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      name,
      labels: this.labels,
      body: {
        spec: () => ({
          serviceName: name,
          replicas: 1,
          selector: { matchLabels: this.podSelector },
          persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
          template: postgresPod({
            name,
            labels: this.labels,
            image,
            resources,
            placement,
            superuser,
            tuning: this.tuning(),
            hostRules: this.hostRules(),
            hostRulesConfigMap: hba.name,
            tlsSecretName: props.tlsSecretName,
          }),
          volumeClaimTemplates: [claimTemplate('postgres-data', storage, props.storageClassName)],
        }),
      },
    });
    const setUp = new SetUpJob(this, {
      image,
      user: POSTGRES_USER,
      placement,
      script: 'setup-database.sh',
      environment: () => ({ ...this.connection().environment, DATABASES: this.databases.join(' ') }),
      secretVariables: [
        { variable: 'SUPERUSER', secretName: superuser.secretName, key: superuser.usernameKey },
        { variable: 'SUPERUSER_PASSWORD', secretName: superuser.secretName, key: superuser.passwordKey },
        { variable: 'ROLE', secretName: this.login.secretName, key: this.login.usernameKey },
        { variable: 'ROLE_PASSWORD', secretName: this.login.secretName, key: this.login.passwordKey },
      ],
      secretFiles: this.connection().secretFiles,
      egress: this.connection().egress,
    });
    this.network.allowFrom({ podLabels: setUp.podSelector }, POSTGRES_PORT);
  }

  /**
   * Says who will connect, and with how many connections, and tells what its pods need for it.
   *
   * @param client who connects, from the namespace of the database
   */
  public connectFrom(client: ConnectionClient): Connection {
    checkInputs('PostgresStatefulSet#connectFrom', { client }, this);
    const instead = 'Database.fromExisting(…)';
    check(client.name, [sameNamespaceRule('the database', this.namespace, client.namespace, instead)]);
    this.clients.push(client);
    this.network.allowFrom({ podLabels: client.podLabels }, POSTGRES_PORT);
    return this.connection();
  }

  /**
   * A further database of the same owner, e.g. for MLflow's own users and permissions.
   *
   * @param name the database's name
   */
  public addDatabase(name: string): void {
    checkInputs('PostgresStatefulSet#addDatabase', { name }, this);
    check(this, [databaseNameRule(name)]);
    if (!this.databases.includes(name)) this.databases.push(name);
  }

  /** `max_connections` as it stands now; each client that connects later can raise it. */
  public get maxConnections(): number {
    return maxConnections(this.tuning());
  }

  private hostRules(): string {
    return hostRules(!!this.props.tlsSecretName, this.databases);
  }

  private tuning(): Tuning {
    return {
      memoryMebibytes: this.memoryLimit.toMebibytes({ rounding: SizeRoundingBehavior.FLOOR }),
      neededConnections: this.clients.reduce((sum, client) => sum + client.maxConnections, 0),
      maxConnections: this.props.maxConnections,
    };
  }

  private connection(): Connection {
    const { tlsSecretName } = this.props;
    return databaseConnection({
      host: this.host,
      port: this.port,
      database: this.databaseName,
      login: this.login,
      authority: tlsSecretName ? { secretName: tlsSecretName, key: 'ca.crt' } : undefined,
      egress: [{ peer: { podLabels: this.podSelector }, port: POSTGRES_PORT }],
    });
  }
}
