/** The limit of MLflow's own gateway. Exporters send traces in batches. */
const LARGE_MEBIBYTES = 100;
export const LARGE_BODY = `${LARGE_MEBIBYTES} MiB`;

/** Under MLflow's own login traces are read before the login is asked: runtime/mlflow/request_limits.py bounds how many at once. */
export function traceAndGatewayLocations(): string {
  const locations = ['= /v1/traces', '^~ /gateway/'];
  return locations
    .map(
      (location) => `    location ${location} {
      set $behind_login 1;
      client_max_body_size ${LARGE_MEBIBYTES}m;
      proxy_pass http://mlflow${location.split(' ')[1]};
    }
`,
    )
    .join('');
}
