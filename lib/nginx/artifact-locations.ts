import { NginxOptions } from './nginx-options';
import { UserLimits } from './user-limits';

const APIS = ['/api', '/ajax-api'];

/**
 * MLflow decodes the path of an artifact until nothing changes, and drops control characters and leading spaces. It
 * checks the permission on the path before that: `.%252f2/…` is refused here, because it belongs to no experiment.
 */
const DECODED_AGAIN = '%[0-9A-Fa-f][0-9A-Fa-f]|[\\x01-\\x1f]|artifacts/ ';

/** The same in a query, which nginx leaves encoded: dot segments, what is encoded twice, and what MLflow drops. */
const DOTS = '(=|/|%2f)(\\.|%2e)(/|%2f|(\\.|%2e)(/|%2f|&|$))';
const TWICE = '(%25|%(?![0-9a-f][0-9a-f]))([0-9a-f]|%3[0-9]|%[46][1-6])([0-9a-f]|%3[0-9]|%[46][1-6])';
const DROPPED = '%[01][0-9a-f]|=(\\+|%20)';
const IN_QUERY = [DOTS, TWICE, DROPPED].join('|');

/** Errors of a location that sets $refusal to the reason: [status and $refusal, code, message]. */
export const ARTIFACT_ERRORS = [
  ['400path', 'INVALID_PARAMETER_VALUE', 'Invalid path: . and .. are no names, and a name is encoded only once.'],
  // MLflow's client compares the beginning of the message, and then uploads through the server.
  [
    '501multipart',
    'NOT_IMPLEMENTED',
    'Multipart upload is not supported for the current artifact repository: the proxy passes no signed URLs.',
  ],
] as const;

/**
 * Artifacts pass without buffering. One that is larger than MLflow's space is refused with a message; otherwise the kubelet
 * would evict the pod with all its requests.
 *
 * MLflow offers its clients to download large files directly from the store, by signed URLs with the address that the
 * server uses; clients that cannot reach it retry for minutes. Without `signedUrls` the proxy removes the offer from
 * the answer, and answers a request for such a URL with 501, after which the client uploads through the server.
 */
export function artifactLocations(options: NginxOptions, limits: UserLimits): string {
  const { signedUrls, maxArtifactMebibytes, artifactWritesPaused: paused = false } = options;
  const limit = maxArtifactMebibytes ? `${maxArtifactMebibytes}m` : '0';
  const locations = APIS.map((api) => {
    const withUrls = paused ? pausedSignedUrls(api) : '';
    return stream(api, limit, paused, limits) + (signedUrls ? withUrls : withoutSignedUrls(api, limits));
  });
  return locations.join('') + (paused ? PAUSED : '');
}

/** Seconds after which a client sends the request again. MLflow's client does that seven times. */
const RETRY_SECONDS = 60;
const PAUSED_PAGE = '/.paused';

/** What no location above takes, and the answer, which MLflow's client understands as one to wait for. */
const PAUSED = `    location = /ajax-api/2.0/mlflow/upload-artifact { rewrite ^ ${PAUSED_PAGE} last; }
    location = ${PAUSED_PAGE} {
      internal;
      client_max_body_size 0;
      types { } default_type application/json;
      add_header Retry-After ${RETRY_SECONDS} always;
      return 503 '{"error_code":"TEMPORARILY_UNAVAILABLE","message":"Artifacts can only be read for some minutes, because they are moved to another store. Try again later."}\\n';
    }
`;

function pausedSignedUrls(api: string): string {
  return `    location ^~ ${api}/2.0/mlflow-artifacts/mpu/ { rewrite ^ ${PAUSED_PAGE} last; }
    location = ${api}/2.0/mlflow/artifacts/presigned-upload-url { rewrite ^ ${PAUSED_PAGE} last; }
`;
}

function stream(api: string, limit: string, paused: boolean, { location }: UserLimits): string {
  const list = `${api}/2.0/mlflow-artifacts/artifacts`;
  const path = `${list}/`;
  const refused = (condition: string) => `      set $refusal path;
      if (${condition}) { return 400; }
      set $refusal '';
`;
  const files = location({
    match: '^~',
    path,
    checks: `${refused(`$uri ~ '${DECODED_AGAIN}'`)}${paused ? `      if ($request_method !~ '^(GET|HEAD)$') { rewrite ^ ${PAUSED_PAGE} last; }\n` : ''}`,
    settings: `      client_max_body_size ${limit};\n`,
  });
  const folder = location({
    match: '=',
    path: list,
    checks: refused(`$args ~* '${IN_QUERY}'`),
    settings: `      # Without a query MLflow reads the path from the body.
      proxy_set_body '';
`,
  });
  return `${files}    # The list of a folder. Without this location nginx redirects it to the one above.
${folder}`;
}

/** What server-info offers of it, each as `"name":true`. */
const OFFERS = [
  'multipart_uploads_enabled',
  'multipart_downloads_enabled',
  'presigned_upload_run_id_supported',
  'presigned_upload_model_id_supported',
];

function withoutSignedUrls(api: string, { location }: UserLimits): string {
  const mended = OFFERS.map((name) => `      sub_filter '"${name}":true' '"${name}":false';\n`).join('');
  return `${location({
    match: '=',
    path: `${api}/3.0/mlflow/server-info`,
    settings: `      sub_filter_types application/json; sub_filter_once off;
${mended}`,
  })}    location ^~ ${api}/2.0/mlflow-artifacts/mpu/ { set $refusal multipart; return 501; }
    location ^~ ${api}/2.0/mlflow-artifacts/presigned/ { return 501; }
    location ^~ ${api}/2.0/mlflow/artifacts/presigned- { return 501; }
`;
}
