import { createHash } from 'node:crypto';
import type { Cluster } from './cluster';
import { htpasswd } from './generators';
import { type CredentialsPlan, type PlannedLogins, type PlannedSecret, userKey } from './plan';
import { managedBy } from './secret';
import { Failure } from '../kubernetes/failure';

const description =
  'The users that the programs of the cluster have at a server. The credentials Job writes it: what is added by hand goes.';

/** The Secret of each user, as any other of the plan. */
export function secretsOfUsers({ logins = [] }: CredentialsPlan): PlannedSecret[] {
  return logins.flatMap(({ prefix, labels, annotations, users }) =>
    Object.entries(users).map(([key, copies]) => {
      const username = userKey.exec(key)![2];
      return {
        ...{ name: `${prefix}${username}-login`, labels, annotations },
        keys: { username: { value: username }, password: { generate: 'password' } },
        copies: copies.map((copy) => {
          const [namespace, name] = copy.split('/');
          return { namespace, name };
        }),
      };
    }),
  );
}

/**
 * Updates the Secret that a server mounts to what the users' Secrets say: adds users, changes passwords, and removes users
 * that are no longer planned. True if all planned users are in it.
 */
export async function settleUsers(logins: PlannedLogins, cluster: Cluster): Promise<boolean> {
  const { api, namespace, log } = cluster;
  const wanted = await passwords(logins, cluster);
  // Read before it is asked whether this plan still counts, so that what a newer plan's Job writes meanwhile stops this.
  const found = await api.version(logins.file);
  if (await cluster.superseded()) {
    log('warn', { secret: logins.file, result: 'superseded', message: 'a newer plan was applied: its Job writes it' });
    return true;
  }
  const change: Record<string, string | null> = {};
  for (const [key, password] of wanted) {
    const entry = decode(found?.data[key]);
    const isRight = logins.form === 'password' ? entry === password : entry !== undefined && matches(entry, password);
    if (!isRight) change[key] = encode(entryOf(logins, key, password, cluster));
  }
  const gone = Object.keys(found?.data ?? {}).filter((key) => !(key in logins.users));
  for (const key of gone) change[key] = null;
  const confidential = Object.values(change).flatMap((value) => (value ? [value, decode(value)!.trim()] : []));
  let result = 'kept';
  if (!found) {
    const metadata = {
      ...{ name: logins.file, namespace },
      labels: { ...logins.labels, ...managedBy },
      annotations: { 'kubernetes.io/description': description, ...logins.annotations },
    };
    const manifest = { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data: change };
    const answer = await api.create(logins.file, { manifest, confidential });
    if (answer === 'taken') throw new Failure('transient', `Secret ${logins.file} was created by another client`);
    result = 'created';
  } else if (Object.keys(change).length > 0) {
    await api.change(logins.file, found.resourceVersion, { data: change, confidential });
    result = 'changed';
  }
  log('info', { secret: logins.file, result, users: String(wanted.size), gone: gone.join(',') });
  return wanted.size === Object.keys(logins.users).length;
}

/** Of those users whose Secret is right; what is wrong with another's was said before. */
async function passwords({ prefix, users }: PlannedLogins, { api }: Cluster): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const key of Object.keys(users)) {
    const values = await api.values(`${prefix}${userKey.exec(key)![2]}-login`);
    const password = decode(values?.password)?.replace(/\r?\n$/, '');
    if (password) found.set(key, password);
  }
  return found;
}

function entryOf({ form }: PlannedLogins, key: string, password: string, { random }: Cluster): string {
  return form === 'password' ? password : htpasswd(userKey.exec(key)![2], password, random);
}

/** Whether a line that this program wrote is of this password. */
function matches(line: string, password: string): boolean {
  const [, hash] = /\{SSHA\}(\S+)\s*$/.exec(line) ?? [];
  const bytes = Buffer.from(hash ?? '', 'base64');
  const digest = createHash('sha1').update(password, 'utf8').update(bytes.subarray(20)).digest();
  return bytes.length > 20 && digest.equals(bytes.subarray(0, 20));
}

const encode = (text: string) => Buffer.from(text, 'utf8').toString('base64');
const decode = (text?: string) => (text === undefined ? undefined : Buffer.from(text, 'base64').toString('utf8'));
