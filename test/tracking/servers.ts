import { Chart } from 'cdk8s';
import {
  ArtifactStore,
  Connection,
  ConnectionClient,
  Credentials,
  Database,
  DatabaseEngine,
  IArtifactStore,
  IDatabase,
  TrackingServer,
  TrackingServerProps,
} from '../../lib';
import { Rendered, errorOf, find, synth } from '../support/synth';

/** A database that records its clients and further databases. */
export class RecordingDatabase implements IDatabase {
  public readonly databaseName = 'mlflow';
  public readonly engine = DatabaseEngine.POSTGRESQL;
  public readonly clientImage = 'postgres:17';
  public readonly clients: ConnectionClient[] = [];
  public readonly databases: string[] = [];

  constructor(public readonly sharedByReplicas = true) {}

  public connectFrom(client: ConnectionClient): Connection {
    this.clients.push(client);
    return {
      environment: { PGHOST: 'database' },
      secretVariables: [{ variable: 'PGPASSWORD', secretName: 'database', key: 'password' }],
      egress: [{ peer: { podLabels: { app: 'database' } }, port: 5432 }],
    };
  }

  public addDatabase(name: string): void {
    this.databases.push(name);
  }
}

export function existingDatabase(): IDatabase {
  return Database.fromExisting({ host: 'db.example.com', credentials: Credentials.fromSecret('database') });
}

export function existingBucket(): IArtifactStore {
  return ArtifactStore.fromBucket({
    bucket: 'models',
    region: 'eu-west-1',
    credentials: Credentials.fromSecret('bucket'),
  });
}

/** A standalone server with an existing database and bucket. */
export function addServer(chart: Chart, props: Partial<TrackingServerProps> = {}): TrackingServer {
  return new TrackingServer(chart, 'server', { database: existingDatabase(), artifacts: existingBucket(), ...props });
}

/** The objects of that server, after the test has used it. */
export function serverObjects(
  props: Partial<TrackingServerProps> = {},
  use: (server: TrackingServer) => void = () => undefined,
): Rendered[] {
  return synth((chart) => use(addServer(chart, props)));
}

/** The error of the synth of such a server. */
export function serverError(
  props: Partial<TrackingServerProps>,
  use: (server: TrackingServer) => void = () => undefined,
): string {
  return errorOf(() => serverObjects(props, use));
}

/** The pod of the server. */
export function podOf(objects: Rendered[]): Rendered {
  return find(objects, 'Deployment', 'server').spec.template;
}

/** A container of a pod template, whether it is an init container or not. */
export function containerOf(template: Rendered, name: string): Rendered {
  const all: Rendered[] = [...(template.spec.initContainers ?? []), ...template.spec.containers];
  const found = all.find((container) => container.name === name);
  if (!found) {
    throw new Error(`there is no container '${name}', but ${all.map((container) => container.name).join(', ')}`);
  }
  return found;
}

/** The environment of a container. The test fails if a variable is not a plain value. */
export function environmentOf(container: Rendered): Record<string, string> {
  for (const variable of container.env ?? []) expect(Object.keys(variable).sort()).toEqual(['name', 'value']);
  return Object.fromEntries((container.env ?? []).map(({ name, value }: Rendered) => [name, value]));
}

/** The value that follows an option in a container's arguments. */
export function argumentOf(container: Rendered, option: string): string | undefined {
  const index = container.args.indexOf(option);
  return index < 0 ? undefined : container.args[index + 1];
}

/** The Secrets that the credentials Job of this name would create, by their names. */
export function plannedSecrets(objects: Rendered[], configMap: string): Record<string, Rendered> {
  const plan = JSON.parse(find(objects, 'ConfigMap', configMap).data['credentials.json']);
  return Object.fromEntries(plan.secrets.map((secret: Rendered) => [secret.name, secret]));
}

/** The Secret and key of each file in a projected or secret volume, by the path of the file. */
export function filesOf(template: Rendered, volume: string): Record<string, { secret: string; key: string }> {
  const found = template.spec.volumes.find(({ name }: Rendered) => name === volume);
  const sources = found.projected
    ? found.projected.sources.map((source: Rendered) => source.secret)
    : [{ name: found.secret.secretName, items: found.secret.items }];
  return Object.fromEntries(
    sources.flatMap(({ name, items }: Rendered) =>
      items.map(({ key, path }: Rendered) => [path, { secret: name, key }]),
    ),
  );
}
