import { MlflowLocation, UserLimits } from './user-limits';

/** The limit of MLflow's own gateway. Exporters send traces in batches. */
const LARGE_MEBIBYTES = 100;
export const LARGE_BODY = `${LARGE_MEBIBYTES} MiB`;

/** Under MLflow's own login traces are read before the login is asked: runtime/mlflow/request_limits.py bounds how many at once. */
export function traceAndGatewayLocations({ location }: UserLimits): string {
  const locations: MlflowLocation[] = [
    { match: '=', path: '/v1/traces' },
    { match: '^~', path: '/gateway/' },
  ];
  const settings = `      client_max_body_size ${LARGE_MEBIBYTES}m;\n`;
  return locations.map((each) => location({ ...each, settings })).join('');
}
