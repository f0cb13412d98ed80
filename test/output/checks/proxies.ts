import { Manifest, containers, podTemplates, sameNamespace, title } from '../manifests';

/** Values of `NO_PROXY` that companies commonly use. */
const NOT_PROXIED = /(^localhost|^127\.0\.0\.1|\.svc|\.cluster\.local)$/;
/** Lists of names by which clients may address the server. The server does not connect to them. */
const LISTS = ['MLFLOW_SERVER_CORS_ALLOWED_ORIGINS', 'MLFLOW_SERVER_ALLOWED_HOSTS'];

/** Behind a company's proxy, a program connects to the Services of its own platform directly. */
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
