import { demand } from './configuration';
import { PublicAddress } from './nginx-options';

/** Throws for what would break out of the configuration. */
export function demandAddress({ httpsHosts = [], path }: PublicAddress): void {
  for (const host of httpsHosts) demand(/^[a-z0-9.-]+$/.test(host), 'expected a host name', host);
  demand(/^(\/[a-z0-9][-a-z0-9]*)+$/.test(path ?? '/none'), 'expected a path', path);
}

/** For the http block, and for the server block before its login. */
export interface AddressRules {
  readonly map: string;
  readonly rule: string;
}

/**
 * Redirects plain HTTP, according to the header of the Ingress or Gateway. Before the login, so that a browser does not
 * send its password in plain text. Removes the path of the exposure; clients inside the cluster use none.
 */
export function addressRules(address: PublicAddress): AddressRules {
  const { map, rule } = httpsRedirect(address.httpsHosts ?? []);
  return { map, rule: rule + withoutPath(address.path) };
}

function httpsRedirect(hosts: readonly string[]): AddressRules {
  if (hosts.length === 0) return { map: '', rule: '' };
  const cases = (scheme: string, value: string) => hosts.map((host) => `'${scheme}:${host}' ${value}; `).join('');
  // With one host it is written out, as it is the only one that the map admits.
  const target = hosts.length === 1 ? hosts[0] : '$host';
  return {
    map: `  map $http_x_forwarded_proto:$host $in_the_clear { ${cases('http', '1')}default 0; }
  # A browser that was here once does not try plain http again, for a year.
  map $http_x_forwarded_proto:$host $transport_security { ${cases('https', "'max-age=31536000'")}default ''; }
  add_header Strict-Transport-Security $transport_security always;
`,
    rule: `    if ($in_the_clear) { return 308 https://${target}$request_uri; }\n`,
  };
}

function withoutPath(path: string | undefined): string {
  if (path === undefined) return '';
  return `    # The path of the exposure. The rules below see the path that the program gets.
    # It answers no address that begins with '.': nginx takes a rewritten request for one of its own.
    rewrite '(?s)^${path}/(?!\\.)(.*)\\z' /$1;
    # Links of the pages are relative to the slash at the end. nginx knows neither the scheme nor the port of the exposure.
    location = ${path} { absolute_redirect off; return 308 ${path}/$is_args$args; }
`;
}
