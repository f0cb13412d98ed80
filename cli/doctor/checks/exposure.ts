import { Finding } from '../finding';
import { partOf } from '../part';
import { ageSeconds, all, find, isOurs, Snapshot, title } from '../snapshot';
import { brief } from '../workload';

/** Seconds that a controller may take to accept an exposure. */
const ACCEPTED = 60;
/** Seconds before its end at which a certificate is reported. */
const EXPIRES_SOON = 14 * 86_400;

/** Ingresses, HTTPRoutes and Routes that are not accepted, and their certificates. */
export function exposureFindings(snapshot: Snapshot): Finding[] {
  const old = (object: any) => ageSeconds(snapshot, object.metadata.creationTimestamp) >= ACCEPTED;
  const ours = (kind: string) => all(snapshot, kind).filter(isOurs);
  return [
    ...ours('Ingress').flatMap((ingress) => [
      ...ingressClass(snapshot, ingress, old(ingress)),
      ...backends(snapshot, ingress),
      ...(ingress.spec.tls ?? []).flatMap((tls: any) => certificate(snapshot, ingress, tls)),
    ]),
    ...ours('HTTPRoute').flatMap((route) => (old(route) ? httpRoute(route) : [])),
    ...ours('Route').flatMap((route) => (old(route) ? openShiftRoute(route) : [])),
  ];
}

function about(object: any) {
  const part = { ...partOf(object), role: 'exposure' };
  return { object: title(object), namespace: object.metadata.namespace, parts: [part], severity: 'error' as const };
}

function ingressClass(snapshot: Snapshot, ingress: any, old: boolean): Finding[] {
  const taken = (ingress.status?.loadBalancer?.ingress ?? []).length > 0;
  if (snapshot.seen.has('IngressClass')) {
    const classes = all(snapshot, 'IngressClass');
    const names = classes.map(({ metadata }) => metadata.name).join(', ') || 'none';
    const given = ingress.spec.ingressClassName;
    const legacy = ingress.metadata.annotations?.['kubernetes.io/ingress.class'];
    if (given && !classes.some(({ metadata }) => metadata.name === given)) {
      return [
        {
          ...about(ingress),
          check: 'ingress-class',
          says: `${title(ingress)} names the IngressClass '${given}', which does not exist. No controller serves its hosts.`,
          todo: `Set 'className' of the exposure to one that exists (${names}), or install the controller.`,
        },
      ];
    }
    if (!given && !legacy && !taken) {
      return [
        {
          ...about(ingress),
          check: 'ingress-class',
          says: `${title(ingress)} names no IngressClass, and the cluster has no default one. No controller serves its hosts.`,
          todo: `Set 'className' of the exposure to one that exists (${names}), or install a controller.`,
        },
      ];
    }
  }
  if (taken || !old) return [];
  return [
    {
      ...about(ingress),
      check: 'ingress-address',
      severity: 'warning',
      says: `${title(ingress)} has no address: its controller has not accepted it, or does not write its status.`,
      todo: 'Read the log of the Ingress controller.',
    },
  ];
}

function backends(snapshot: Snapshot, ingress: any): Finding[] {
  if (!snapshot.seen.has('Service')) return [];
  const { namespace } = ingress.metadata;
  const paths = (ingress.spec.rules ?? []).flatMap(({ http }: any) => http?.paths ?? []);
  const names = new Set<string>(paths.map(({ backend }: any) => backend?.service?.name).filter(Boolean));
  return [...names]
    .filter((name) => !find(snapshot, 'Service', namespace, name))
    .map((name) => ({
      ...about(ingress),
      check: 'exposure-service',
      says: `${title(ingress)} sends to the Service ${name}, which does not exist.`,
      todo: 'Apply the YAML of the platform again.',
    }));
}

function certificate(snapshot: Snapshot, ingress: any, { hosts = [], secretName: name }: any): Finding[] {
  if (!name || !snapshot.seen.has('Secret')) return [];
  const { namespace, annotations = {} } = ingress.metadata;
  const base = { ...about(ingress), object: `secret/${name}` };
  const secret = snapshot.secrets.find((each) => each.name === name && each.namespace === namespace);
  const issuer = annotations['cert-manager.io/cluster-issuer'] ?? annotations['cert-manager.io/issuer'];
  if (!secret) {
    const todo = issuer
      ? `cert-manager creates it. See kubectl describe certificate -n ${namespace} ${name}, and whether the issuer '${issuer}' is ready.`
      : `Create it: kubectl create secret tls ${name} -n ${namespace} --cert=<file> --key=<file>`;
    return [
      {
        ...base,
        check: 'tls-secret',
        says: `The Secret ${name} with the certificate of ${hosts.join(', ')} does not exist.`,
        todo,
      },
    ];
  }
  const { certificate: facts } = secret;
  const replace = issuer
    ? `cert-manager renews it. See kubectl describe certificate -n ${namespace} ${name}`
    : `Replace it: kubectl create secret tls ${name} -n ${namespace} --cert=<file> --key=<file> --dry-run=client -o yaml | kubectl apply -f -`;
  if (!facts?.readable || !secret.keys['tls.key'] || secret.keys['tls.key'].blank) {
    const lacks = facts
      ? facts.readable
        ? "no key 'tls.key'"
        : "no certificate in its key 'tls.crt'"
      : "no key 'tls.crt'";
    return [{ ...base, check: 'tls-secret', says: `The Secret ${name} has ${lacks}.`, todo: replace }];
  }
  const left = (Date.parse(facts.notAfter!) - snapshot.now) / 1000;
  const day = facts.notAfter!.slice(0, 10);
  if (left < EXPIRES_SOON) {
    return [
      {
        ...base,
        check: 'certificate-expiry',
        severity: left < 0 ? 'error' : 'warning',
        says: `The certificate in the Secret ${name} ${left < 0 ? 'expired' : 'expires'} on ${day}.`,
        todo: replace,
      },
    ];
  }
  const uncovered = hosts.filter((host: string) => !facts.covers.includes(host));
  if (uncovered.length === 0) return [];
  return [
    {
      ...base,
      check: 'certificate-host',
      says: `The certificate in the Secret ${name} does not hold for ${uncovered.join(', ')}.`,
      todo: replace,
    },
  ];
}

function httpRoute(route: any): Finding[] {
  const parents = route.status?.parents ?? [];
  const gateways = (route.spec.parentRefs ?? []).map(({ name }: any) => name).join(', ');
  if (parents.length === 0) {
    return [
      {
        ...about(route),
        check: 'route-not-accepted',
        says: `${title(route)} has no answer of the Gateway ${gateways}: it does not exist, or no controller runs it.`,
        todo: "See kubectl get gateway -A. Set 'gateway' of the exposure to one that exists.",
      },
    ];
  }
  const wrong = parents.flatMap(({ conditions = [], parentRef }: any) =>
    conditions
      .filter(({ type, status }: any) => ['Accepted', 'ResolvedRefs'].includes(type) && status === 'False')
      .map((each: any) => ({ ...each, gateway: parentRef?.name })),
  );
  return wrong.slice(0, 1).map(({ type, reason, message, gateway }: any) => ({
    ...about(route),
    check: 'route-not-accepted',
    says: `The Gateway ${gateway} does not accept ${title(route)} (${type}, ${reason}): ${brief(message) || reason}.`,
    todo: 'What each reason means: docs/how-to/gateway-api.md.',
  }));
}

function openShiftRoute(route: any): Finding[] {
  const admitted = (route.status?.ingress ?? []).flatMap(({ conditions = [] }: any) => conditions);
  const refused = admitted.find(({ type, status }: any) => type === 'Admitted' && status === 'False');
  if (!refused && admitted.length > 0) return [];
  return [
    {
      ...about(route),
      check: 'route-not-accepted',
      says: refused
        ? `The router does not admit ${title(route)}: ${brief(refused.message) || refused.reason}.`
        : `No router has admitted ${title(route)}.`,
      todo: 'See docs/how-to/openshift.md.',
    },
  ];
}
