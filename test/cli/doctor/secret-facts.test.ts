import { factsOf } from '../../../cli/doctor/secret-facts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

test('what is kept of a Secret contains no value', () => {
  const data = {
    password: base64('correct horse'),
    auth: base64('ann:{SSHA}abcdef\n'),
    'tls.crt': base64('no certificate'),
    empty: '',
  };
  const facts = factsOf({ metadata: { name: 'own', namespace: 'mlflow' }, data }, ['a.example.com']);
  expect(JSON.stringify(facts)).not.toMatch(/horse|SSHA|abcdef|no certificate/);
  expect(facts.keys.empty.blank).toBe(true);
  expect(facts.keys.auth.htpasswd).toBe(true);
  expect(facts.keys.password).toEqual({ blank: false, htpasswd: false, fernet: false });
  expect(facts.certificate).toEqual({ readable: false, covers: [] });
});
