import { NginxLogin } from './nginx-options';

/** What the log has to know of a login. */
export interface LoggedLogin {
  readonly kind: NginxLogin['kind'];
  readonly accounts?: object;
}

/** The name of the login, once it was right. */
export function checkedName({ kind, accounts }: LoggedLogin): string {
  const basic = accounts ? '$remote_user$account_user' : '$remote_user';
  return { basic, oidc: '$login_user', mlflow: `''`, none: `''` }[kind];
}

/** The access log: one JSON object a line, without credentials. */
export function logging(login: LoggedLogin): string {
  // Behind the login a request has an upstream only once its login was right. MLflow's own logins are not known here.
  const user = checkedName(login);
  return `  # One JSON object a line, without query strings: they hold search terms and, at times, tokens. Texts are cut so that a
  # line fits into one write to a pipe. The method is the client's: for its own errors nginx makes an internal GET.
  map $behind_login:$upstream_addr $log_user { '~^1:.' ${user}; default ''; }
  map $request $log_method { '~^(?<method>[A-Z]{1,16}) ' $method; default ''; }
  map $request_uri $log_path { '~^(?<path>[^?]{0,1024})' $path; default ''; }
  map $http_user_agent $log_agent { '~^(?<agent>.{0,256})' $agent; default ''; }
  map $proxy_add_x_forwarded_for $log_client { '~(?<client>.{0,256})$' $client; default ''; }
  map $status $log_status { '~^[1-9]' $status; default 0; }
  map $upstream_response_time $log_upstream { '~^[0-9.]+$' $upstream_response_time; default null; }
  log_format json escape=json '{"time":"$time_iso8601","client":"$log_client","user":"$log_user","method":"$log_method",'
    '"uri":"$log_path","status":$log_status,"bytes_in":$request_length,"bytes_out":$bytes_sent,'
    '"duration":$request_time,"upstream_duration":$log_upstream,"request_id":"$request_id","user_agent":"$log_agent"}';
  access_log /dev/stdout json;
  add_header X-Request-ID $request_id always;`;
}
