import { IArtifactStore } from '../artifacts/artifact-store';
import { Connection, ConnectionClient } from '../kubernetes/connection';

const VARIABLE = 'DESTINATION_';
const FOLDER = '/destination';

/** A store beside another one in a container: `DESTINATION_URI` and a connection with names of its own. */
export interface Destination {
  readonly uri: string;
  readonly connection: Connection;
}

/**
 * Renames the variables and folders of a store's connection, because the container also has those of another store, which
 * can be of the same kind: see runtime/rclone/run-rclone.sh.
 */
export function destination(store: IArtifactStore, client: ConnectionClient): Destination {
  const { environment, secretVariables = [], secretFiles = [], claims = [], ...rest } = store.connectFrom(client);
  const folders = [...secretFiles, ...claims].map(({ directory }) => directory);
  const moved = (path: string) =>
    folders.some((folder) => path === folder || path.startsWith(`${folder}/`)) ? `${FOLDER}${path}` : path;
  const variables = Object.entries(environment).map(([name, value]) => [`${VARIABLE}${name}`, moved(value)]);
  return {
    uri: store.uri.startsWith('file://') ? `file://${moved(store.uri.slice('file://'.length))}` : store.uri,
    connection: {
      ...rest,
      environment: Object.fromEntries(variables),
      secretVariables: secretVariables.map((each) => ({ ...each, variable: `${VARIABLE}${each.variable}` })),
      secretFiles: secretFiles.map((each) => ({ ...each, directory: `${FOLDER}${each.directory}` })),
      claims: claims.map((each) => ({ ...each, directory: `${FOLDER}${each.directory}` })),
    },
  };
}
