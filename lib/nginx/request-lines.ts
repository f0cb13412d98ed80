import { accountsOf } from './account-tokens';
import { NginxOptions } from './nginx-options';

/** Where runtime/mlflow/proxy_metrics.py counts requests, by UDP on the pod's loopback. It has the same number. */
export const REQUEST_LINES_PORT = 5001;

/** Classes of the path, and their patterns, with a space at its end. The first that matches counts, and all else is `other`. */
const ROUTES: readonly (readonly [route: string, pattern: string])[] = [
  ['artifacts', '(?:api|ajax-api)/2\\.0/mlflow-artifacts/'],
  ['artifacts', '(?:ajax-api/2\\.0/mlflow/(?:get|upload)-artifact|get-artifact|model-versions/get-artifact)\\b'],
  ['traces', 'v1/traces\\b'],
  ['traces', '(?:api|ajax-api)/[0-9]\\.0/mlflow/traces\\b'],
  ['gateway', '(?:gateway/|ajax-api/2\\.0/mlflow/gateway-proxy\\b)'],
  ['api', '(?:api|ajax-api)/'],
  ['api', 'graphql\\b'],
  ['health', 'health '],
  ['login', '(?:oauth2/|logout )'],
  ['ui', '(?:static-files/| )'],
];

/**
 * A short line for each request, beside the access log: class of the path, status, seconds, kind and outcome of the login. It has no
 * text of the client. UDP: nginx does not wait, and a line without a reader is lost. Of a login only what nginx or the program
 * that it asked has decided counts.
 */
export function requestLines({ login, path = '', requestLinesPort }: NginxOptions): string {
  const port = requestLinesPort ?? REQUEST_LINES_PORT;
  const routes = ROUTES.map(([route, pattern]) => `    '~^${path && `(?:${path})?`}/${pattern}' ${route};\n`);
  return `  # Counted by proxy_metrics.py beside MLflow. Planned refusals of writes are no errors.
  map "$log_path $uri" $line_route {
    '~^[^ ]* /\\.paused\\z' paused;
${routes.join('')}    default other;
  }
${login.kind === 'none' ? `  map '' $line_credential { default '-'; }\n  map '' $line_outcome { default '-'; }\n` : logins(login, path)}  log_format request_lines '$line_route $status $request_time $line_credential $line_outcome';
  access_log syslog:server=127.0.0.1:${port},nohostname,tag=proxy request_lines;
`;
}

function logins(login: NginxOptions['login'], path: string): string {
  const asks = login.kind === 'oidc';
  const tokens = asks || accountsOf(login) ? ` '~*^Bearer ' token;` : '';
  const session = asks ? `'' $line_session; ` : '';
  // MLflow decides about its own login, so its answer counts. Otherwise a request has an upstream once its login was right.
  const refusals = `'~^401:' refused; '~^429:' limited; '~^403:' forbidden;`;
  const [first, last] = login.kind === 'mlflow' ? [refusals, `'~^50[24]:' '-';`] : ['', refusals];
  return `${
    asks ? `  map $http_cookie $line_session { '~(?:^|; *)__Host-mlflow(?:_[0-9]+)?=' session; default '-'; }\n` : ''
  }  map $http_authorization $line_credential { '~*^Basic ' password;${tokens} ${session}default '-'; }
  map "$status:$behind_login:$upstream_addr:$log_path" $line_outcome {
${asks ? `    '~^[^/]*(?:${path})?/(?:static-files|oauth2)/' '-';\n` : ''}${first && `    ${first}\n`}    ${login.kind === 'mlflow' ? `${last} ` : ''}'~^[0-9]+:1:[^:]' accepted;
${login.kind === 'mlflow' ? '' : `    ${last}\n`}    default '-';
  }
`;
}
