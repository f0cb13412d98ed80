import { MLFLOW_PORT } from './mlflow-port';
import { ArtifactAccess, TrackingServerProps } from './tracking-server-props';
import { PROGRAMS } from '../component/program';
import { Container } from '../kubernetes/manifest';
import { environment } from '../kubernetes/pod';
import { renderResources, smallResources } from '../kubernetes/resources';
import { Rule } from '../kubernetes/rules';
import { ANY_USER, containerSecurity } from '../kubernetes/security';

export const CHECK_PROGRAM = 'check_server.py';

/**
 * Uses MLflow as a client does, once before nginx starts: an init container after the sidecar `mlflow`. It needs no secret, as
 * MLflow has no login on the loopback.
 */
export function serverCheck(image: string, props: TrackingServerProps): Container {
  // A store that is being copied must not change, and MLflow passes no artifacts on with `--no-serve-artifacts`.
  const reads = props.pauseArtifactWrites === true || props.artifactAccess === ArtifactAccess.DIRECT;
  return {
    name: 'check-before-serving',
    image,
    command: ['python', '-S', '-E', `${PROGRAMS}/${CHECK_PROGRAM}`],
    env: environment({ SERVER_PORT: String(MLFLOW_PORT), CHECK_ARTIFACTS: reads ? 'read' : 'write' }),
    resources: renderResources(smallResources),
    securityContext: containerSecurity(ANY_USER),
    volumeMounts: [{ name: 'programs', mountPath: PROGRAMS, readOnly: true }],
  };
}

/** With what a check before serving cannot work. */
export function serverCheckRules({ checkBeforeServing = false, ...props }: TrackingServerProps): Rule[] {
  return [
    {
      wrong: checkBeforeServing && props.authentication?._kind === 'mlflow',
      given: 'checkBeforeServing is true, and authentication is Authentication.mlflow(…)',
      want: 'expected Authentication.basic() or oidc(…): with its own login MLflow refuses the check, which has no user',
    },
    {
      wrong: checkBeforeServing && !(props.database.sharedByReplicas && props.artifacts.sharedByReplicas),
      given: `checkBeforeServing is true, and the ${props.database.sharedByReplicas ? 'artifact store' : 'database'} supports a single replica`,
      want: 'expected a database and a store that servers can share: the old server is stopped before the new one starts, so it cannot serve during the check',
    },
  ];
}
