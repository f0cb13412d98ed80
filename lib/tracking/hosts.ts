/**
 * The hosts that MLflow allows by default, which a list replaces, and networks of pods and nodes that it does not allow
 * (100.64.0.0/10, fc00::/7). MLflow reads a name with `*` as a pattern of Python's fnmatch: `[[]` is a bracket.
 */
const LOCAL = [
  ...['localhost', 'localhost:*', '127.0.0.1', '127.0.0.1:*', '[::1]', '[[]::1]:*'],
  ...['10.*', '192.168.*', '172.1[6-9].*', '172.2[0-9].*', '172.3[01].*'],
  ...['100.6[4-9].*', '100.[7-9][0-9].*', '100.1[01][0-9].*', '100.12[0-7].*'],
  '[[]f[cd]*',
];

/** All names of a Service inside the cluster. */
function serviceNames(service: string, namespace: string | undefined): string[] {
  const long = `${service}.${namespace ?? '*'}`;
  return [service, ...(namespace ? [long] : []), `${long}.svc`, `${long}.svc.cluster.local`];
}

/** `MLFLOW_SERVER_ALLOWED_HOSTS`: MLflow compares hosts with their port, so each name is listed with and without one. */
export function allowedHosts(service: string, namespace: string | undefined, more: string[]): string {
  const names = [...serviceNames(service, namespace), ...more];
  const withPorts = (name: string) => `${name.replace(/^\[(?=[0-9a-f:]+\]$)/, '[[]')}:*`;
  return [...LOCAL, ...names.flatMap((name) => (/(\*|:\d+)$/.test(name) ? [name] : [name, withPorts(name)]))].join(',');
}

/** `MLFLOW_SERVER_CORS_ALLOWED_ORIGINS`: a browser sends its own origin with each POST, also to the same host. */
export function allowedOrigins(
  service: string,
  namespace: string | undefined,
  { scheme, port }: { readonly scheme: 'http' | 'https'; readonly port: number },
  more: string[],
): string {
  // A browser leaves out the port of its scheme.
  const suffix = port === (scheme === 'http' ? 80 : 443) ? '' : `:${port}`;
  const own = serviceNames(service, namespace).map((name) => `${scheme}://${name}${suffix}`);
  return [...own.filter((origin) => !origin.includes('*')), ...more].join(',');
}
