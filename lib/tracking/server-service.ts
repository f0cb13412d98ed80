import { Component } from '../component/component';
import { ServerServiceOptions, serviceFields } from '../component/service-options';
import { metricsService, service } from '../component/standard-objects';
import { METRICS_PORT } from '../nginx/reverse-proxy';

interface ServiceProps {
  readonly service?: ServerServiceOptions;
  readonly tlsSecretName?: string;
}

/** Port of the server's Service: by default that of MLflow's own examples. */
function servicePort({ service: options }: ServiceProps): number {
  return options?.port ?? 5000;
}

/** Scheme and port of the server's Service. */
export function serverAddress(props: ServiceProps): { readonly scheme: 'http' | 'https'; readonly port: number } {
  return { scheme: props.tlsSecretName === undefined ? 'http' : 'https', port: servicePort(props) };
}

/** The Service with the login, and that of the metrics. */
export function serverServices(server: Component, props: ServiceProps): void {
  const { service: options } = props;
  // For meshes and Gateways, which would take the port for plain HTTP by its name. Ingresses are bound to the name.
  const appProtocol = props.tlsSecretName === undefined ? undefined : 'https';
  const port = { name: 'http', appProtocol, port: servicePort(props), targetPort: 'http', nodePort: options?.nodePort };
  const spec = { ...serviceFields(options), selector: server.podSelector, ports: [port] };
  service(server, 'service', server.componentName, spec, options);
  metricsService(server, METRICS_PORT);
}
