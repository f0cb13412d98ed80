import { PROGRAMS } from '../component/program';
import { Container } from '../kubernetes/manifest';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

/** The folder by which a main container and its sidecars exchange requests and results. */
const WORK = '/work';

export const sharedMounts = [
  { name: 'program', mountPath: PROGRAMS, readOnly: true },
  { name: 'work', mountPath: WORK },
];

/**
 * A container that runs `run-<name>.sh`, which answers the requests of the main container. Kubernetes stops it when the main
 * container exits, with any code.
 */
export function sidecar(name: string, image: string, more: Partial<Container>): Container {
  return {
    name,
    restartPolicy: 'Always',
    image,
    command: ['sh', `${PROGRAMS}/run-${name}.sh`],
    securityContext: containerSecurity(ANY_USER),
    // Its loop touches the file several times a second, even during a copy.
    livenessProbe: {
      exec: { command: ['sh', '-c', `test -n "$(find ${WORK}/alive-${name} -mmin -2)"`] },
      initialDelaySeconds: 10,
      periodSeconds: 30,
      timeoutSeconds: 10,
      failureThreshold: 3,
    },
    ...more,
  };
}
