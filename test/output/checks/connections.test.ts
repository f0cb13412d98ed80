import { expectFaults } from '../expect-faults';
import { connections } from './connections';

const COMPONENT = 'app.kubernetes.io/component';

expectFaults(connections, [
  [
    'a caller that is not let in',
    (find) => (find('NetworkPolicy/postgres').spec.ingress[0].from[0].podSelector.matchLabels[COMPONENT] = 'b'),
    /NetworkPolicy\/server: egress to StatefulSet\/postgres on port 5432 has no counterpart/,
  ],
  [
    'a guest that may not call',
    (find) => (find('NetworkPolicy/server').spec.egress = []),
    /NetworkPolicy\/postgres: ingress from Deployment\/server on port 5432 has no counterpart/,
  ],
  [
    'a Service that no pod may reach',
    (find) => find('NetworkPolicy/server').spec.ingress[0].ports.shift(),
    /Service\/server: targetPort http is opened to nobody by NetworkPolicy\/server/,
  ],
]);
