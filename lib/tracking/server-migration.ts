import { Migration } from './migration';
import { OperatedServer } from './operated-server';
import { ServerLogin } from './server-login';
import { serviceUsersJob } from './service-users-job';
import { Component } from '../component/component';

/** The migration of a server, and the Job that creates its service users in MLflow's own login. */
export function serverMigration(server: Component, operated: OperatedServer, login: ServerLogin): void {
  const migration = new Migration(server, { ...operated, backups: `${operated.artifactsUri}/backups` });
  const { auth, image, environment, placement } = operated;
  if (!auth) return;
  const { usersSecret } = login;
  const shared = { ...auth, image, environment, usersSecret, placement, name: usersSecret };
  login.onFirstServiceUser = () => serviceUsersJob(migration, { ...shared, users: () => login.models });
}
