import { Finding } from '../finding';
import { partOf } from '../part';
import { ageSeconds, all, find, isOurs, Snapshot, title } from '../snapshot';
import { brief, workloads } from '../workload';

/** Seconds without a renewal after which a Lease has no holder. The deployer renews it every few seconds. */
const LEASE = 60;

export interface Target {
  readonly namespace: string;
  readonly deployment: string;
  readonly model: string;
  readonly alias?: string;
  readonly stage?: string;
}

/** What the deployers follow, by their ConfigMaps. */
export function targetsOf(objects: Readonly<Record<string, readonly any[]>>): Target[] {
  return (objects.ConfigMap ?? []).flatMap(({ data }) => {
    try {
      return JSON.parse(data?.['targets.json'] ?? '{}').targets ?? [];
    } catch {
      return [];
    }
  });
}

/** The deployer without a leader, and servings that do not serve what the registry says. */
export function servingFindings(snapshot: Snapshot): Finding[] {
  const targets = targetsOf(snapshot.objects);
  return [...leader(snapshot), ...targets.flatMap((target) => ofTarget(snapshot, target))];
}

function leader(snapshot: Snapshot): Finding[] {
  if (!snapshot.seen.has('Lease')) return [];
  return workloads(snapshot)
    .filter((workload) => workload.kind === 'Deployment' && partOf(workload).role === 'deployer')
    .flatMap((deployer) => {
      const { namespace, name, creationTimestamp } = deployer.metadata;
      const lease = find(snapshot, 'Lease', namespace, name);
      const age = ageSeconds(snapshot, lease?.spec?.renewTime ?? creationTimestamp);
      if (lease?.spec?.holderIdentity && age < LEASE) return [];
      if (age < LEASE) return [];
      return [
        {
          check: 'deployer-leader',
          severity: 'error' as const,
          object: title(deployer),
          namespace,
          parts: [partOf(deployer)],
          symptom: true,
          says: `No pod of ${title(deployer)} has renewed its Lease for ${Math.round(age)} s: no serving follows the registry.`,
          todo: `Read its log: kubectl logs -n ${namespace} deployment/${name}`,
        },
      ];
    });
}

function ofTarget(snapshot: Snapshot, target: Target): Finding[] {
  const { namespace, deployment: name, model } = target;
  const deployment = find(snapshot, 'Deployment', namespace, name);
  const part = { namespace, instance: name.replace(/-serving$/, ''), role: 'serving' };
  const about = { object: `deployment/${name}`, namespace, parts: [part], severity: 'error' as const };
  if (!deployment) {
    if (!snapshot.seen.has('Deployment') || !snapshot.seen.has(`Deployment in ${namespace}`)) return [];
    return [
      {
        ...about,
        check: 'serving-missing',
        says: `The deployer follows ${followed(target)} for the Deployment ${name} in ${namespace}, which does not exist.`,
        todo: `Apply the YAML of the namespace ${namespace}, or remove the serving from the platform.`,
      },
    ];
  }
  const refused = permission(snapshot, target);
  if (refused) return [{ ...about, ...refused }];
  const state = stateOf(deployment);
  const failed = state?.failed;
  if (state?.phase === 'failed' || failed) {
    const good = state?.phase === 'serving' ? `version ${state.version} serves instead` : 'no version serves';
    const version = failed?.version ?? state.version;
    return [
      {
        ...about,
        check: 'rolled-back',
        says: `Version ${version} of the model ${model} could not be rolled out${failed?.reason ? `: ${brief(failed.reason)}` : ''}; ${good}.`,
        todo: 'Correct the model and log a new version, or move the alias back: docs/how-to/debugging.md#a-model-is-not-served.',
      },
    ];
  }
  return aliasOf(snapshot, target, deployment, about);
}

function aliasOf(
  snapshot: Snapshot,
  target: Target,
  deployment: any,
  about: Pick<Finding, 'object' | 'namespace' | 'parts' | 'severity'>,
): Finding[] {
  const version = versionOf(deployment);
  const wanted = wantedBy(snapshot, target);
  if (wanted === 'unknown') {
    if (version) return [];
    return [
      {
        ...about,
        check: 'no-version',
        symptom: true,
        says: `The serving ${deployment.metadata.name} has no version yet: it waits for ${followed(target)}.`,
        todo: `Set it in the registry: docs/how-to/serve-a-model.md.`,
      },
    ];
  }
  if (wanted === undefined) {
    return [
      {
        ...about,
        check: 'alias-missing',
        severity: version ? 'warning' : 'error',
        says: `The registry has no ${followed(target)}${version ? `; version ${version} keeps serving` : ', so nothing is served'}.`,
        todo: 'Set the alias on a version of the model: docs/how-to/serve-a-model.md.',
      },
    ];
  }
  if (wanted === version) return [];
  return [
    {
      ...about,
      check: 'serving-behind',
      severity: 'warning',
      symptom: true,
      says: `The registry says version ${wanted} for ${followed(target)}, and ${about.object} has ${version ?? 'none'}.`,
      todo: 'It may be under way. If it stays so, read the log of the deployer.',
    },
  ];
}

function wantedBy(snapshot: Snapshot, { model, alias }: Target): string | undefined | 'unknown' {
  if (!alias) return 'unknown';
  const key = `${model}@${alias}`;
  const probe = snapshot.probes.find(({ aliases }) => key in aliases);
  return probe ? probe.aliases[key] : 'unknown';
}

/** Without this RoleBinding the deployer may not change the Deployment. */
function permission(
  snapshot: Snapshot,
  { namespace, deployment }: Target,
): Pick<Finding, 'check' | 'says' | 'todo' | 'object'> | undefined {
  if (!snapshot.seen.has(`RoleBinding in ${namespace}`)) return undefined;
  const name = `${deployment}-deployer`;
  const bindings = all(snapshot, 'RoleBinding').filter((each) => isOurs(each) && each.metadata.namespace === namespace);
  const missing = ['RoleBinding', 'Role'].find((kind) => {
    if (kind === 'Role' && !snapshot.seen.has(`Role in ${namespace}`)) return false;
    return !(kind === 'RoleBinding' ? bindings : all(snapshot, 'Role')).some(
      ({ metadata }) => metadata.name === name && metadata.namespace === namespace,
    );
  });
  if (!missing) return undefined;
  return {
    check: 'deployer-permission',
    object: `${missing.toLowerCase()}/${name}`,
    says: `The ${missing} ${name} does not exist in ${namespace}: the deployer may not set the version of deployment/${deployment}.`,
    todo: `Apply the YAML of the namespace ${namespace} again.`,
  };
}

const followed = ({ model, alias, stage }: Target) =>
  alias === undefined ? `stage '${stage}' of the model ${model}` : `alias '${alias}' of the model ${model}`;

function stateOf(deployment: any): any {
  try {
    return JSON.parse(deployment.metadata.annotations?.['cdk8s-mlflow/deployer'] ?? 'null');
  } catch {
    return undefined;
  }
}

function versionOf(deployment: any): string | undefined {
  const containers = deployment.spec.template.spec.containers;
  const variables = containers.flatMap(({ env = [] }: any) => env);
  return variables.find(({ name }: any) => name === 'MODEL_VERSION')?.value || undefined;
}
