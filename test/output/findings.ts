import { connections } from './checks/connections';
import { External } from './checks/existing-names';
import { names } from './checks/names';
import { podSecurity } from './checks/pod-security';
import { pods } from './checks/pods';
import { ports } from './checks/ports';
import { proxies } from './checks/proxies';
import { references } from './checks/references';
import { schema } from './checks/schema';
import { secrets } from './checks/secrets';
import { substitution } from './checks/substitution';
import { workloads } from './checks/workloads';
import { Check, Manifest } from './manifests';

/**
 * Runs all checks on one whole output.
 *
 * @param external objects that exist outside of it, as `Secret/registry-login`
 */
export function findings(objects: Manifest[], external: External = []): string[] {
  const checks: Record<string, Check> = {
    'pod-security': podSecurity,
    pods,
    references: (all) => references(all, external),
    ports: (all) => ports(all, external),
    connections,
    workloads,
    secrets,
    names,
    schema,
    substitution,
    proxies,
  };
  return Object.entries(checks).flatMap(([name, check]) => check(objects).map((finding) => `[${name}] ${finding}`));
}
