import { NginxOptions } from './nginx-configuration';

const APIS = ['/api', '/ajax-api'];

/**
 * Artifacts stream through without buffering; what is larger than MLflow has space for is refused with words, where the
 * kubelet would evict the pod with all its requests.
 *
 * MLflow tells its clients to fetch large files straight from the store, by signed URLs with the address by which the
 * server knows it; they try that for minutes where they cannot reach it. Unless that is wanted it is not offered: the
 * answer that says so is mended, and who asks all the same is told 501, on which the client goes by the server.
 */
export function artifactLocations({ artifactsThroughServer, maxArtifactMebibytes }: NginxOptions): string {
  const limit = maxArtifactMebibytes ? `${maxArtifactMebibytes}m` : '0';
  return APIS.map((api) => stream(api, limit) + (artifactsThroughServer ? throughServer(api) : '')).join('');
}

function stream(api: string, limit: string): string {
  const list = `${api}/2.0/mlflow-artifacts/artifacts`;
  const path = `${list}/`;
  return `    location ^~ ${path} {
      set $behind_login 1;
      client_max_body_size ${limit};
      proxy_pass http://mlflow${path};
    }
    # The list of a folder: without this nginx would answer it with a redirect to the address above.
    location = ${list} {
      set $behind_login 1;
      proxy_pass http://mlflow${list};
    }
`;
}

function throughServer(api: string): string {
  return `    location = ${api}/3.0/mlflow/server-info {
      set $behind_login 1;
      sub_filter_types application/json; sub_filter_once off;
      sub_filter '"multipart_uploads_enabled":true' '"multipart_uploads_enabled":false';
      sub_filter '"multipart_downloads_enabled":true' '"multipart_downloads_enabled":false';
      proxy_pass http://mlflow${api}/3.0/mlflow/server-info;
    }
    location ^~ ${api}/2.0/mlflow-artifacts/mpu/ { return 501; }
    location ^~ ${api}/2.0/mlflow-artifacts/presigned/ { return 501; }
`;
}
