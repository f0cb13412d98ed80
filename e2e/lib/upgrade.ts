import { Duration, Size } from 'cdk8s';
import { Colleague } from './colleague';
import { asRootOfStore } from './mc';
import { Namespace } from './namespace';
import { little, Platform } from './platform';
import { Pod } from './pods';
import { until } from './process';
import { Images, MlflowPlatform, PostgresStatefulSetProps, TrackingServerOptions } from '../../lib';

/** The previous default version, and an old one. */
export const PREVIOUS = imageOf('3.17.2');
export const OLD = imageOf('3.14.0');
export const NEW = Images.MLFLOW;
export const SERVERS = 2;
const MIGRATION = 'app.kubernetes.io/component=migration';

function imageOf(version: string): string {
  return `ghcr.io/mlflow/mlflow:v${version}-full`;
}

export function versionOf(image: string): string {
  return /:v([\d.]+)-/.exec(image)![1];
}

/** The data of the platform at one time. */
export interface State {
  readonly schema: string;
  readonly rows: Record<string, number>;
  readonly history: object;
}

/** A platform that is upgraded from one version of MLflow to another. */
export class Upgrade {
  private platform?: Platform;

  constructor(
    public readonly namespace: Namespace,
    private readonly old = OLD,
  ) {}

  /** Installs the platform with the old version, and writes data. */
  public async installOld(): Promise<{ colleague: Colleague; before: State }> {
    this.namespace.remove();
    this.apply(this.old);
    await this.untilReady(600);
    const colleague = Colleague.start(this.namespace, this.old);
    colleague.writeHistory();
    const before = { schema: this.schema(), rows: this.rows(), history: colleague.showHistory() };
    return { colleague, before };
  }

  /** Applies the YAML with this version of MLflow, and returns its path. */
  public apply(image: string, server: TrackingServerOptions = {}, postgres: PostgresStatefulSetProps = {}): string {
    this.platform = new Platform(this.namespace, 'mlflow', (chart) => {
      new MlflowPlatform(chart, 'mlflow', {
        postgres: { resources: little, storage: Size.gibibytes(1), ...postgres },
        minio: { resources: little, storage: Size.gibibytes(1) },
        server: {
          image,
          resources: little,
          proxyResources: little,
          replicas: SERVERS,
          drainTimeout: Duration.seconds(10),
          ...server,
        },
      });
    }).synth();
    this.platform.apply();
    return this.platform.manifest;
  }

  public untilReady(seconds: number): Promise<void> {
    return this.platform!.untilReady(SERVERS, seconds);
  }

  public untilRolledOut(seconds: number): void {
    this.rollout('status', `--timeout=${seconds}s`);
  }

  /** Waits until the other version is rolled out, and the last pod of this one is deleted. */
  public async untilGone(image: string, seconds: number): Promise<void> {
    this.untilRolledOut(seconds);
    await until(`no server of ${image}`, seconds, () => this.servers(image).length === 0);
  }

  public rollout(what: 'pause' | 'resume' | 'status' | 'undo', ...options: string[]): void {
    this.namespace.kubectl('rollout', what, 'deployment/mlflow-server', ...options);
  }

  /** Pods of the servers that run this version. */
  public servers(image: string): (Pod & { status: any })[] {
    const pods = this.namespace.json<{ items: any[] }>('get', 'pods', '--selector', 'app=mlflow-server').items;
    return pods.filter(({ spec }) => spec.initContainers.some((container: any) => container.image === image));
  }

  public migrations(image: string): { job: any; pods: any[] }[] {
    const items = (kind: string, selector: string) =>
      this.namespace.json<{ items: any[] }>('get', kind, '--selector', selector).items;
    return items('jobs', MIGRATION)
      .filter((job) => job.spec.template.spec.containers[0].image === image)
      .map((job) => ({ job, pods: items('pods', `batch.kubernetes.io/job-name=${job.metadata.name}`) }));
  }

  /** As in docs/how-to/upgrade-mlflow.md. */
  public migrationLog(): string {
    return this.namespace.try(['logs', '-l', MIGRATION, '--tail=-1']).stdout;
  }

  /** As in docs/how-to/upgrade-mlflow.md. */
  public deleteMigrations(): void {
    this.namespace.kubectl('delete', 'job', '-l', MIGRATION);
  }

  public psql(database: string, statement: string): string {
    const psql = ['psql', '-U', 'postgres', '-d', database, '-v', 'ON_ERROR_STOP=1', '-qAtc', statement];
    return this.namespace.kubectl('exec', 'mlflow-postgres-0', '--', ...psql).trim();
  }

  public schema(database = 'mlflow'): string {
    return this.psql(database, 'SELECT version_num FROM alembic_version');
  }

  /** The number of rows of each table. */
  public rows(database = 'mlflow'): Record<string, number> {
    const count = `query_to_xml(format('SELECT count(*) FROM %I.%I', schemaname, tablename), false, true, '')`;
    const all = `SELECT tablename, (xpath('/row/count/text()', ${count}))[1] FROM pg_tables WHERE schemaname = 'public'`;
    const lines = this.psql(database, `${all} ORDER BY 1`).split('\n');
    return Object.fromEntries(lines.map((line) => line.split('|')).map(([table, rows]) => [table, Number(rows)]));
  }

  /** Runs `mc` in the pod of the store, as its root user. */
  public mc(script: string): string {
    return asRootOfStore(this.namespace, script);
  }
}
