import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './process';

/** All in PEM. */
export interface Certificate {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** A certificate for DNS names, valid for two days, with its own certificate authority. */
export const certificateFor = (...dnsNames: string[]) => certificateOf(dnsNames, 2);

/** A certificate for DNS names, with its own certificate authority. */
export function certificateOf(dnsNames: string[], days: number): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'e2e-'));
  const file = (name: string) => join(folder, name);
  const make = (name: string, ...args: string[]) => {
    const made = ['-newkey', 'rsa:2048', '-nodes', '-days', String(days), '-keyout', file(`${name}.key`)];
    const { status, stderr } = run('openssl', ['req', '-x509', ...made, '-out', file(`${name}.crt`), ...args]);
    if (status !== 0) throw new Error(`openssl: ${stderr}`);
  };
  try {
    make('ca', '-subj', '/CN=e2e authority');
    const issuer = ['-CA', file('ca.crt'), '-CAkey', file('ca.key')];
    const names = dnsNames.map((name) => `DNS:${name}`).join();
    make('tls', ...issuer, '-subj', '/CN=e2e', '-addext', `subjectAltName=${names}`);
    const [authority, certificate, key] = ['ca.crt', 'tls.crt', 'tls.key'].map((name) =>
      readFileSync(file(name), 'utf8'),
    );
    return { authority, certificate, key };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A Secret of the type kubernetes.io/tls. */
export function tlsSecret(name: string, { certificate, key }: Certificate): object {
  const stringData = { 'tls.crt': certificate, 'tls.key': key };
  return { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata: { name }, stringData };
}
