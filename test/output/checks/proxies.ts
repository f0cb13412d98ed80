import { Manifest, containers, podTemplates, sameNamespace, title } from '../manifests';

/** What companies commonly write into `NO_PROXY`. */
const NOT_PROXIED = /(^localhost|^127\.0\.0\.1|\.svc|\.cluster\.local)$/;
/** Lists of what clients may call the server, not addresses that it calls. */
const LISTS = ['MLFLOW_SERVER_CORS_ALLOWED_ORIGINS', 'MLFLOW_SERVER_ALLOWED_HOSTS'];

/** A program behind a company's proxy reaches the Services of its own platform without it. */
export function proxies(objects: Manifest[]): string[] {
  const services = objects.filter(({ kind }) => kind === 'Service');
  const variables = podTemplates(objects).flatMap(({ owner, ...template }) =>
    containers({ owner, ...template }).flatMap(({ container, at }) =>
      (container.env ?? [])
        .filter(({ name, value }: any) => typeof value === 'string' && !LISTS.includes(name))
        .map(({ name, value }: any) => ({ owner, at: `${at} env ${name}`, value })),
    ),
  );
  const files = objects
    .filter(({ kind }) => kind === 'ConfigMap')
    .flatMap((owner) =>
      Object.entries<string>(owner.data ?? {})
        .filter(([key]) => key.endsWith('.json'))
        .map(([key, value]) => ({ owner, at: `${title(owner)} data.${key}`, value })),
    );
  return [...variables, ...files].flatMap(({ owner, at, value }) =>
    [...value.matchAll(/\bhttps?:\/\/([a-z0-9.-]+)/g)]
      .map(([, host]) => host)
      .filter((host) => !NOT_PROXIED.test(host) && services.some((service) => isCalled(host, service, owner)))
      .map((host) => `${at}: ${host} is a Service that NO_PROXY=.svc does not match, must end in .svc`),
  );
}

function isCalled(host: string, service: Manifest, by: Manifest): boolean {
  const { name, namespace } = service.metadata;
  const [first, second] = host.split('.');
  return first === name && (second === undefined ? sameNamespace(service, by) : second === namespace);
}
