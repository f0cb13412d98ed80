import { MLFLOW_PORT } from './mlflow-port';
import { ServerLogin } from './server-login';
import { ServerPlan } from './server-plan';
import { ArtifactAccess, TrackingServerProps } from './tracking-server-props';
import { nginxWorkspaces } from './workspace';
import { ReverseProxy } from '../nginx/reverse-proxy';

/** nginx of a tracking server. */
export function serverProxy(
  name: string,
  { ipv6, exposure, pauseArtifactWrites, tlsSecretName, workspaces, userLimits, auditLog }: TrackingServerProps,
  plan: ServerPlan,
  login: ServerLogin,
): ReverseProxy {
  return new ReverseProxy({
    image: plan.proxyImage,
    resources: plan.proxyResources,
    drainSeconds: plan.drainSeconds,
    readinessSeconds: plan.readinessSeconds,
    upstreamPort: MLFLOW_PORT,
    configMapName: `${name}-proxy`,
    login: login.proxyLogin,
    signedUrls: plan.artifactAccess === ArtifactAccess.PRESIGNED,
    maxArtifactMebibytes: plan.maxArtifactMebibytes,
    artifactWritesPaused: pauseArtifactWrites ?? false,
    ipv6: ipv6 ?? false,
    tlsSecretName,
    workspaces: nginxWorkspaces(workspaces),
    userLimits,
    auditLog,
    ...exposure?._address,
  });
}
