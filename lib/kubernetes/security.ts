import { k8s } from 'cdk8s-plus-27';
import { Json } from './manifest';

/** The user of images that run under any uid: above 10000, as the uids of a node's own users are lower. */
export const ANY_USER = 10001;

/** The pod's fields of the Pod Security Standard "restricted". `fsGroup` makes volumes writable for users other than root. */
export function podSecurity(user: number): Json<k8s.PodSecurityContext> {
  return {
    runAsNonRoot: true,
    runAsUser: user,
    runAsGroup: user,
    fsGroup: user,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

/** Pod Security "restricted", the container's half, with a read-only root. */
export function containerSecurity(user: number): Json<k8s.SecurityContext> {
  return {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    runAsUser: user,
    runAsGroup: user,
    seccompProfile: { type: 'RuntimeDefault' },
  };
}
