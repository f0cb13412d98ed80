import { k8s } from 'cdk8s-plus-27';
import { Container, Json } from './manifest';

/** The user of images that run under any uid: above 10000, as the uids of a node's own users are lower. */
export const ANY_USER = 10001;

/**
 * The pod's fields of the Pod Security Standard "restricted". `fsGroup` makes volumes writable for users other than root.
 *
 * @param user undefined if the cluster chooses user and groups
 */
export function podSecurity(user: number | undefined): Json<k8s.PodSecurityContext> {
  return {
    runAsNonRoot: true,
    ...(user !== undefined && { runAsUser: user, runAsGroup: user, fsGroup: user }),
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

/** A container for clusters that choose its user and groups. */
export function withoutUser(container: Container): Container {
  const { runAsUser: _user, runAsGroup: _group, ...rest } = container.securityContext ?? {};
  return { ...container, securityContext: rest };
}
