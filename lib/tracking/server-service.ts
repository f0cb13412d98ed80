import { Component } from '../component/component';
import { ServerServiceOptions, serviceFields } from '../component/service-options';
import { metricsService, service } from '../component/standard-objects';
import { METRICS_PORT } from '../nginx/reverse-proxy';

interface ServiceProps {
  readonly service?: ServerServiceOptions;
}

/** Port of the server's Service: by default that of MLflow's own examples. */
export function servicePort({ service: options }: ServiceProps): number {
  return options?.port ?? 5000;
}

/** The Service with the login, and that of the metrics. */
export function serverServices(server: Component, props: ServiceProps): void {
  const { service: options } = props;
  const port = { name: 'http', port: servicePort(props), targetPort: 'http', nodePort: options?.nodePort };
  const spec = { ...serviceFields(options), selector: server.podSelector, ports: [port] };
  service(server, 'service', server.componentName, spec, options);
  metricsService(server, METRICS_PORT);
}
