import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { login, plan, postgres } from './plans';
import { complaint, decide, look } from '../../../runtime/credentials/decide';
import { newSecret } from '../../../runtime/credentials/secret';
import { explain, redact } from '../../../runtime/kubernetes/explain';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const stored = (data: unknown, metadata: object = {}) => ({
  kind: 'Secret',
  metadata: { name: login.name, ...metadata },
  data,
});

describe('decide', () => {
  test('creates what is missing, and waits for what is being deleted', () => {
    expect(decide(postgres, { state: 'absent' })).toEqual({ action: 'create' });
    expect(decide(postgres, { state: 'leaving' })).toEqual({ action: 'wait' });
  });

  test('keeps an existing Secret only if no required key is empty', () => {
    const names = Object.keys(login.keys);
    const found = fc.record({ filled: fc.subarray([...names, 'other']), blank: fc.subarray([...names, 'other']) });
    fc.assert(
      fc.property(found, ({ filled, blank: either }) => {
        const blank = either.filter((key) => !filled.includes(key));
        const decision = decide(login, { state: 'present', filled, blank });
        const lacking = names.filter((key) => key !== 'flask' && !filled.includes(key));
        if (lacking.length === 0) return decision.action === 'keep';
        if (decision.action !== 'complain') return false;
        return [...decision.missing, ...decision.blank].sort().join() === lacking.sort().join();
      }),
    );
  });

  test('keeps what it created', () => {
    for (const planned of plan.secrets) {
      const found = look(newSecret(planned, 'mlops', randomBytes).manifest, planned.name)!;
      expect(decide(planned, found)).toEqual({ action: 'keep' });
    }
  });
});

describe('look', () => {
  test('distinguishes filled from blank keys and keeps no value', () => {
    const found = look(stored({ a: base64('value'), b: '', c: base64('\n'), d: null }), login.name);
    expect(found).toEqual({ state: 'present', filled: ['a'], blank: ['b', 'c', 'd'] });
    expect(look(stored(undefined), login.name)).toEqual({ state: 'present', filled: [], blank: [] });
  });

  test('detects a deletion in progress', () => {
    expect(look(stored({}, { deletionTimestamp: '2030-01-01T00:00:00Z' }), login.name)).toEqual({ state: 'leaving' });
  });

  test('accepts nothing else as a Secret', () => {
    const { kind: _, ...noKind } = stored({});
    for (const body of [undefined, null, 'text', 7, [], {}, { kind: 'Secret' }, { kind: 'Status' }, noKind]) {
      expect(look(body, login.name)).toBeUndefined();
    }
    expect(look(stored({}), 'another')).toBeUndefined();
    fc.assert(fc.property(fc.jsonValue(), (body) => look(body, login.name) === undefined));
  });
});

test('a message names the Secret, the keys and what to do', () => {
  const text = complaint(postgres, 'mlops', { missing: ['POSTGRES_PASSWORD'], blank: ['POSTGRES_DB'] });
  expect(text).toContain('Secret mlflow-postgres-secret in namespace mlops exists');
  expect(text).toContain('lacks POSTGRES_PASSWORD and has nothing in POSTGRES_DB');
  expect(text).toContain('kubectl edit -n mlops secret mlflow-postgres-secret');
});

describe('a new Secret', () => {
  test('has the data of the plan and labels that name its origin', () => {
    const { data, ...rest } = newSecret(postgres, 'mlops', randomBytes).manifest as { data: object };
    expect(Object.keys(data)).toEqual(Object.keys(postgres.keys).sort(() => 0));
    expect(rest).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: 'mlflow-postgres-secret',
        namespace: 'mlops',
        labels: { 'app.kubernetes.io/name': 'postgres', 'app.kubernetes.io/managed-by': 'cdk8s-mlflow-credentials' },
        annotations: {
          'kubernetes.io/description': expect.stringContaining('never overwritten'),
          'example.com/team': 'ml',
        },
      },
      type: 'Opaque',
    });
    expect(newSecret(login, 'mlops', randomBytes).manifest).toMatchObject({ type: 'kubernetes.io/basic-auth' });
  });
});

describe('a message of another program', () => {
  const { manifest, confidential } = newSecret(login, 'mlops', randomBytes);
  const status = (message: string) => ({ status: 400, headers: {}, body: { kind: 'Status', message } });

  test('is logged without the values that it quotes', () => {
    const { data } = manifest as { data: Record<string, string> };
    for (const [key, encoded] of Object.entries(data).filter(([name]) => name !== 'username')) {
      const plain = Buffer.from(encoded, 'base64').toString();
      for (const value of [encoded, plain, encoded.slice(0, 20), plain.trim().slice(-12)]) {
        const text = explain(status(`denied: data[${key}]: Invalid value: "${value}"`), confidential);
        expect(text.includes(value.trim())).toBe(false);
        expect(text).toContain('***');
      }
    }
    expect(redact('secrets "mlflow-login" is forbidden', confidential)).toBe('secrets "mlflow-login" is forbidden');
  });

  test('is logged on one short line, and only if it is from the API server', () => {
    expect(explain(status('one\ntwo\u001b[31m'))).toBe('HTTP 400: one two [31m');
    expect(explain(status('long '.repeat(1000))).length).toBeLessThan(450);
    expect(explain({ status: 502, headers: {}, body: { message: 'secret' } })).toBe('HTTP 502');
    expect(explain({ status: 502, headers: {}, body: undefined })).toBe('HTTP 502');
  });
});
