import { Size } from 'cdk8s';
import { Namespace } from './namespace';
import { little, Platform } from './platform';
import { isReady } from './pods';
import { until } from './process';
import {
  Authentication,
  Credentials,
  MinioStoreProps,
  MlflowPlatform,
  PostgresStatefulSetProps,
  TrackingServer,
} from '../../lib';

export interface TwoLoginsProps {
  readonly users?: Credentials;
  readonly admin?: Credentials;
  readonly postgres?: PostgresStatefulSetProps;
  readonly minio?: MinioStoreProps;
}

/**
 * Two servers with one database and one store: nginx checks the passwords of `mlflow-server`, MLflow those of `own`.
 */
export function twoLogins(namespace: Namespace, props: TwoLoginsProps = {}): Platform {
  return new Platform(namespace, 'mlflow', (chart) => {
    const server = { resources: little, proxyResources: little, replicas: 1 };
    const stores = { resources: little, storage: Size.gibibytes(1) };
    const platform = new MlflowPlatform(chart, 'mlflow', {
      authentication: Authentication.basic({ users: props.users }),
      postgres: { ...stores, ...props.postgres },
      minio: { ...stores, ...props.minio },
      server,
    });
    platform.server.addServiceUser('trainer');
    const { database, artifacts } = platform;
    const authentication = Authentication.mlflow({ admin: props.admin });
    new TrackingServer(chart, 'own', { ...server, database, artifacts, authentication });
  });
}

export async function untilBothAreReady(platform: Platform): Promise<void> {
  await platform.untilReady(1, 300);
  await until('the server with a login of its own', 300, () => platform.pods('app=own').some(isReady));
}
