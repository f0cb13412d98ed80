import { Migration } from './migration';
import { refuseServiceUsers } from './migration-in-pod';
import { OperatedServer } from './operated-server';
import { ServerLogin } from './server-login';
import { serviceUsersJob } from './service-users-job';
import { workspacesJob } from './workspaces-job';
import { Component } from '../component/component';

/** The Jobs that write to the databases of a server before it starts, unless its own pod does. */
export function serverMigration(server: Component, operated: OperatedServer, login: ServerLogin): void {
  const { auth, image, environment, placement, artifactsUri, databaseIsInPod, workspaces } = operated;
  if (databaseIsInPod) {
    if (auth && !auth.usersByProxy) login.onFirstServiceUser = () => refuseServiceUsers(server);
    return;
  }
  const migration = new Migration(server, { ...operated, backups: `${artifactsUri}/backups` });
  if (workspaces) {
    const name = `${server.componentName}-workspaces`;
    workspacesJob(migration, { name, image, environment, placement, workspaces });
  }
  if (!auth || auth.usersByProxy) return;
  const { usersSecret } = login;
  const shared = { ...auth, image, environment, usersSecret, placement, name: usersSecret };
  login.onFirstServiceUser = () => serviceUsersJob(migration, { ...shared, users: () => login.models });
}
