import { demand, demandPorts } from './configuration';
import { NginxTokenIssuer, NginxTokenLogin } from './nginx-options';
import { ROLES } from './role-routes';
import { ServiceUserRole } from './service-user-role';

/** Text of a claim that means the same in a string of nginx and in a header. */
export const CLAIM_VALUE = /^[\w.:@/+*~=!#%&|()[\]^?<>-]+$/;
export const CLAIM_NAME = /^[A-Za-z_][\w.:/-]*$/;

/** The header with which oauth2-proxy tells the claim of this index. */
export const claimHeader = (index: number) => `X-Claim-${index}`;

/** The claims that decide about the logins of one issuer, in the order of their headers. */
export function claimNames(logins: readonly Pick<NginxTokenLogin, 'claims'>[]): string[] {
  return [...new Set(logins.flatMap(({ claims }) => Object.keys(claims)))].sort();
}

/** Throws for what would break out of the configuration. */
export function demandIssuers(issuers: readonly NginxTokenIssuer[]): void {
  for (const { port, logins } of issuers) {
    demandPorts(port);
    for (const { name, claims } of logins) {
      demand(/^[a-z0-9-]+$/.test(name), 'expected a plain name', name);
      demand(Object.keys(claims).length > 0, 'expected at least one claim', claims);
      for (const [key, value] of Object.entries(claims)) {
        demand(CLAIM_NAME.test(key) && CLAIM_VALUE.test(value), 'expected a plain claim', [key, value]);
      }
    }
  }
}

/** For the http block. */
export function issuerMaps(issuers: readonly NginxTokenIssuer[]): string {
  return issuers.map(({ port, logins }, index) => maps(`issuer_${index}`, port, logins)).join('');
}

function maps(id: string, port: number, logins: readonly NginxTokenLogin[]): string {
  const names = claimNames(logins);
  const each = logins.map(({ claims }, index) => {
    const keys = Object.keys(claims).sort();
    const given = keys.map((key) => `$${id}_claim_${names.indexOf(key)}`).join(',');
    // A regular expression, as nginx compares other texts without regard to case. No value has a comma.
    const wanted = keys.map((key) => escaped(claims[key])).join(',');
    return `  map "${given}" $${id}_login_${index} { '~^${wanted}\\z' 1; default 0; }\n`;
  });
  const flags = logins.map((_, index) => `$${id}_login_${index}`).join('');
  const first = (index: number) => `'~^0{${index}}1'`;
  const list = (value: (login: NginxTokenLogin) => string) =>
    logins.map((login, index) => ` ${first(index)} '${value(login)}';`).join('');
  const may = ROLES.map((role, index) => `    '~^${role}:[01]{${index}}1' 1;\n`).join('');
  return `  # The first login whose claims the token has.
  upstream ${id} { server 127.0.0.1:${port}; keepalive 32; keepalive_timeout 60s; }
${each.join('')}  map ${flags} $${id}_name {${list(({ name }) => name)} default ''; }
  map ${flags} $${id}_role {${list(({ role }) => role)} default none; }
  map $${id}_role:$http_x_roles $${id}_may {
    '~^${ServiceUserRole.ADMIN}:' 1;
${may}    default 0;
  }
`;
}

const escaped = (value: string) => value.replace(/[.*+?()[\]^|]/g, '\\$&');

/**
 * For the server that judges tokens: asks one issuer after the other. A token of another issuer or for another audience is none of
 * the asked one; a right token without the claims is refused.
 */
export function issuerLocations(issuers: readonly NginxTokenIssuer[]): string {
  return issuers
    .map(({ logins }, index) => {
      const id = `issuer_${index}`;
      const next = index + 1 < issuers.length ? `\n      error_page 401 = /issuer-${index + 1};` : '';
      const claims = claimNames(logins).map(
        (_, claim) => `\n      auth_request_set $${id}_claim_${claim} $upstream_http_x_claim_${claim};`,
      );
      return `    location = /issuer-${index} {
      internal;${next}
      auth_request /issuer-${index}/token;${claims.join('')}
      # After the answer, as the claims are not known before.
      try_files /none /issuer-${index}/$${id}_may;
    }
    location = /issuer-${index}/1 { internal; add_header X-Auth-Request-Email $${id}_name always; return 204; }
    location = /issuer-${index}/0 { internal; return 403; }
    location = /issuer-${index}/token {
      internal;
      proxy_pass_request_body off; proxy_pass_request_headers off;
      proxy_set_header Host localhost; proxy_set_header Connection ''; proxy_set_header Content-Length '';
      proxy_set_header Authorization $http_authorization;
      proxy_read_timeout 30s;
      proxy_pass http://${id}/oauth2/auth;
    }
`;
    })
    .join('');
}
