import { X509Certificate } from 'crypto';
import { CertificateFacts, KeyFacts, SecretFacts } from './snapshot';

/** What a Secret contains, without its values: nothing that is kept can print one. */
export function factsOf(secret: any, hosts: readonly string[]): SecretFacts {
  const { name, namespace } = secret.metadata;
  const data: Record<string, string> = secret.data ?? {};
  const keys = Object.entries(data).map(([key, value]): [string, KeyFacts] => [key, factsOfKey(decode(value))]);
  const certificate = data['tls.crt'];
  return {
    ...{ name, namespace, type: secret.type ?? 'Opaque', keys: Object.fromEntries(keys) },
    ...(certificate !== undefined && { certificate: certificateFacts(decode(certificate), hosts) }),
  };
}

const decode = (value: string) => Buffer.from(value, 'base64').toString('utf8');

function factsOfKey(text: string): KeyFacts {
  return {
    blank: text.trim() === '',
    htpasswd: text.split('\n').some((line) => /^[^:\s]+:\S+/.test(line)),
    fernet: /^[\w-]{43}=$/.test(text.trim()),
  };
}

function certificateFacts(text: string, hosts: readonly string[]): CertificateFacts {
  try {
    const certificate = new X509Certificate(text);
    return {
      readable: true,
      notAfter: new Date(certificate.validTo).toISOString(),
      covers: hosts.filter((host) => certificate.checkHost(host) !== undefined),
    };
  } catch {
    return { readable: false, covers: [] };
  }
}
