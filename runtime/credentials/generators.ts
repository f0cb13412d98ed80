import { createHash } from 'node:crypto';
import type { RandomGenerator } from './plan';

/** So many random bytes: crypto.randomBytes, or a test's own. */
export type RandomSource = (bytes: number) => Buffer;

const upper = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const digits = '0123456789';
const alphanumeric = upper + upper.toLowerCase() + digits;

export function generate(kind: RandomGenerator, random: RandomSource): string {
  switch (kind) {
    case 'password':
      return pick(alphanumeric, 32, random);
    case 'access-key':
      return pick(upper + digits, 20, random);
    case 'fernet':
      // Python's Fernet insists on the padding that Node's base64url leaves out.
      return random(32).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    case 'token':
      return random(32).toString('hex');
  }
}

/** One line of nginx's auth_basic_user_file. SHA-1 is enough here: the password carries 190 random bits. */
export function htpasswd(username: string, password: string, random: RandomSource): string {
  const salt = random(16);
  const digest = createHash('sha1').update(password, 'utf8').update(salt).digest();
  return `${username}:{SSHA}${Buffer.concat([digest, salt]).toString('base64')}\n`;
}

/** Bytes above the largest multiple of the alphabet's size are thrown away: a plain remainder would favour its start. @internal for tests */
export function pick(alphabet: string, length: number, random: RandomSource): string {
  const fair = 256 - (256 % alphabet.length);
  let text = '';
  while (text.length < length) {
    for (const byte of random(length - text.length)) {
      if (byte < fair) text += alphabet[byte % alphabet.length];
    }
  }
  return text;
}
