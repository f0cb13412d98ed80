import { NginxLogin, mlflowHasUsers } from './nginx-options';

const ASSISTANT = '3.0/mlflow/assistant';

/**
 * MLflow's assistant runs shell commands for clients that it considers local, e.g. a port-forward, so the proxy does not
 * forward its requests. MLflow's pages request it on every start, and for a user of MLflow's own login. They get an empty answer instead
 * of an error, which a browser would write to its console.
 */
export function absentLocations(login: NginxLogin): string {
  const { kind } = login;
  const none = {
    [`/ajax-api/${ASSISTANT}/config`]: '{"providers":{},"projects":{},"remote_access_allowed":false}',
    [`/ajax-api/${ASSISTANT}/providers`]: '{"providers":[]}',
    ...(!mlflowHasUsers(login) && { '/ajax-api/2.0/mlflow/users/current': '{}' }),
  };
  const closed = ['/ajax-api', '/api'].map((api) => `    location ^~ ${api}/${ASSISTANT} { return 404; }\n`);
  const guard = kind === 'mlflow' ? '\n      auth_request /.user;' : '';
  // try_files, because nginx checks the login before it; 'return' would run first.
  const told = Object.entries(none).map(
    ([path, answer]) => `    location = ${path} {
      if ($request_method !~ ^(GET|HEAD)$) { return 404; }${guard}
      set $absent '${answer}';
      try_files /.absent @absent;
    }
`,
  );
  return `${closed.join('')}${told.join('')}    location @absent {
      types { } default_type application/json;
      return 200 $absent;
    }
${kind === 'mlflow' ? USER : ''}`;
}

/** Asks MLflow's own login to check the user. */
const USER = `    location = /.user {
      internal;
      # The request has no body, so it has no length. These headers replace all headers that the server block sets.
      proxy_pass_request_body off;
      proxy_set_header Content-Length ''; proxy_set_header Transfer-Encoding '';
      proxy_set_header Host $http_host; proxy_set_header Connection '';
      # The tracking server counts wrong passwords by it.
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_read_timeout 30s;
      proxy_pass http://mlflow/api/2.0/mlflow/users/current;
    }
`;
