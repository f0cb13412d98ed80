import { hostRules } from './route';
import { Rule } from '../kubernetes/rules';

/** Further names and the path of an exposure. */
export interface PublicAddressProps {
  /**
   * Further host names by which people reach the platform, beside `host`: e.g. an old name, or a short one of the company's
   * network. Each is allowed as host and origin in MLflow. A certificate must be for all of them. Refused
   * with `Authentication.oidc()`, because the provider redirects browsers to one host: redirect the other hosts.
   * @default - none
   */
  readonly otherHosts?: string[];
  /**
   * Path below the hosts, if the platform shares its host with other programs, e.g. `/mlflow`: lower-case letters, digits and
   * `-`, without a slash at the end. The proxy removes it, so that pages, the API, artifacts and `/health` are below it:
   * `MLFLOW_TRACKING_URI=https://tools.example.com/mlflow`. Clients inside the cluster use the Service without it.
   * MLflow's own `--static-prefix` is not needed.
   * @default - the host belongs to the platform
   */
  readonly path?: string;
}

/** All hosts of an exposure. None in programs that TypeScript did not look at. */
export function hostsOf({ host, otherHosts = [] }: PublicAddressProps & { host?: string }): string[] {
  return host === undefined ? [] : [host, ...otherHosts];
}

/** What is wrong with an address. `kind` is its object's. */
export function addressRules(
  kind: string,
  { host, otherHosts = [], path }: PublicAddressProps & { host?: string },
): Rule[] {
  const hosts = [host, ...otherHosts];
  return [
    ...hostRules(kind, host),
    ...otherHosts.flatMap((other) => hostRules(kind, other, 'otherHosts')),
    {
      wrong: new Set(hosts).size < hosts.length,
      given: `the hosts of the ${kind} are ${hosts.map((each) => `'${each}'`).join(', ')}`,
      want: 'expected each host once',
    },
    pathRule(path),
  ];
}

/** Letters in lower case, so that no path differs from another only by case: `/Api`. */
const PATH = /^(\/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)+$/;
/** First names of MLflow's own paths: a client inside the cluster would not reach them. */
const OWN = [
  'api',
  'ajax-api',
  'v1',
  'gateway',
  'graphql',
  'health',
  'version',
  'metrics',
  'static-files',
  'oauth2',
  'logout',
];

function pathRule(path: string | undefined): Rule {
  const isOwn = path !== undefined && OWN.includes(path.split('/')[1]);
  return {
    wrong: path !== undefined && (!PATH.test(path) || path.length > 128 || isOwn),
    given: `path is '${path}'`,
    want: isOwn
      ? `expected another first name: MLflow has pages of its own below '/${path.split('/')[1]}'; e.g. '/mlflow'`
      : "expected '/' before each name, of lower-case letters, digits and '-', and none at the end, e.g. '/mlflow'",
  };
}
