import { Exposure, Tls } from '../../lib';
import { find } from '../support/synth';
import { serverError, serverObjects } from '../tracking/servers';

const host = 'mlflow.example.com';
const exposed = (tls: Tls) => ({ exposure: Exposure.ingress({ host, tls }) });
const ingress = (tls: Tls) => find(serverObjects(exposed(tls)), 'Ingress', 'server-ingress');

test.each<[string, Tls, object | undefined, string]>([
  [
    'an issuer of the cluster',
    Tls.fromIssuer('letsencrypt-prod'),
    { 'cert-manager.io/cluster-issuer': 'letsencrypt-prod' },
    'server-tls',
  ],
  [
    'an issuer of the namespace',
    Tls.fromNamespacedIssuer('team-ca'),
    { 'cert-manager.io/issuer': 'team-ca' },
    'server-tls',
  ],
  ['a Secret', Tls.fromSecret('wildcard'), undefined, 'wildcard'],
])('a certificate from %s', (_what, tls, annotations, secretName) => {
  const { metadata, spec } = ingress(tls);
  expect(metadata.annotations).toEqual(annotations);
  expect(spec.tls).toEqual([{ hosts: [host], secretName }]);
});

test('without TLS the Ingress has none', () => {
  const plain = serverObjects({ exposure: Exposure.ingress({ host }) });
  expect(find(plain, 'Ingress', 'server-ingress').spec).not.toHaveProperty('tls');
});

test.each<[string, Tls, string]>([
  ['an empty issuer', Tls.fromIssuer(''), "clusterIssuer of tls is ''"],
  ['an issuer that is no name', Tls.fromNamespacedIssuer('Team CA'), "issuerName of tls is 'Team CA'"],
  ['an empty Secret', Tls.fromSecret(''), "the name of the Secret of tls is ''"],
  ['a Secret that is no name', Tls.fromSecret('my_certificate'), "the name of the Secret of tls is 'my_certificate'"],
])('refuses TLS with %s', (_what, tls, value) => {
  const message = serverError(exposed(tls));
  expect(message).toMatch(/^chart\/server: /);
  expect(message).toContain(value);
  expect(message).toContain("expected lower-case letters, digits, '-' and '.'");
});
