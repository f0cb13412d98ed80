import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './failure';

export interface ServiceAccount {
  readonly ca: string;
  readonly token: string;
  readonly namespace: string;
}

/** Read anew for every request: the kubelet renews tokens in place. */
export function readServiceAccount(directory: string): ServiceAccount {
  const read = (file: string) => {
    const path = join(directory, file);
    let text = '';
    try {
      text = readFileSync(path, 'utf8').trim();
    } catch (error) {
      throw unusable(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown cause'})`);
    }
    if (text === '') throw unusable(`${path} is empty`);
    return text;
  };
  return { ca: read('ca.crt'), token: read('token'), namespace: read('namespace') };
}

function unusable(fault: string): SetupError {
  return new SetupError(`${fault}; the pod needs its ServiceAccount's token (automountServiceAccountToken: true)`);
}

/** The account's name for messages, out of the token's claims; nothing else of the token is ever shown. */
export function accountName({ token, namespace }: ServiceAccount): string {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const [, name] = /^system:serviceaccount:([-.a-z0-9]+:[-.a-z0-9]+)$/.exec(claims.sub) ?? [];
    if (name) return `ServiceAccount ${name.replace(':', '/')}`;
  } catch {
    // A token of another make: the message does without the name.
  }
  return `The Job's ServiceAccount in namespace ${namespace}`;
}
