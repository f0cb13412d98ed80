import { Manifest, podTemplate, podTemplates, sameNamespace, selectedPods, selects, title } from '../manifests';

/** Workloads, their selectors, volumes, autoscalers and disruption budgets fit one another. */
export function workloads(objects: Manifest[]): string[] {
  return [
    ...objects.flatMap((object) => selectorFindings(object, objects)),
    ...objects.flatMap(volumeFindings),
    ...objects.flatMap((object) => headlessFindings(object, objects)),
    ...autoscalerFindings(objects),
    ...budgetFindings(objects),
  ];
}

/** A controller selects only the pods that it creates. */
function selectorFindings(object: Manifest, objects: Manifest[]): string[] {
  const own = podTemplate(object);
  const selector = object.spec?.selector;
  // The API server sets the selector of a Job.
  if (!own || !selector || ['Job', 'CronJob', 'Pod'].includes(object.kind)) return [];
  if (!selects(selector, own.metadata.labels)) {
    return [`${title(object)}: spec.selector does not match the labels of its own pod template`];
  }
  return selectedPods(objects, object, selector)
    .filter(({ owner }) => owner !== object)
    .map(({ owner }) => `${title(object)}: spec.selector matches the pods of ${title(owner)} too`);
}

/** Every mount names a volume of the pod, and every volume is mounted. */
function volumeFindings(object: Manifest): string[] {
  const template = podTemplate(object);
  if (!template) return [];
  const { volumes = [], initContainers = [], containers = [] } = template.spec;
  const names: string[] = [...volumes, ...(object.spec.volumeClaimTemplates ?? [])].map(
    (volume: any) => volume.name ?? volume.metadata?.name,
  );
  const mounts: [string, string][] = [...initContainers, ...containers].flatMap((container: any) =>
    [...(container.volumeMounts ?? []), ...(container.volumeDevices ?? [])].map((mount: any): [string, string] => [
      container.name,
      mount.name,
    ]),
  );
  return [
    ...mounts
      .filter(([, name]) => !names.includes(name))
      .map(
        ([container, name]) => `${title(object)} container ${container}: mounts ${name}, which is no volume of the pod`,
      ),
    ...names
      .filter((name) => !mounts.some(([, mounted]) => mounted === name))
      .map((name) => `${title(object)}: volume ${name} is mounted by no container`),
  ];
}

/** Pods of a StatefulSet connect to each other by names that only a headless Service gives them. */
function headlessFindings(object: Manifest, objects: Manifest[]): string[] {
  if (object.kind !== 'StatefulSet' || (object.spec.replicas ?? 1) < 2) return [];
  const name = object.spec.serviceName;
  const service = objects.find(
    (each) => each.kind === 'Service' && each.metadata.name === name && sameNamespace(each, object),
  );
  return service && service.spec.clusterIP !== 'None'
    ? [`${title(object)}: serviceName is ${name}, whose clusterIP is ${service.spec.clusterIP}, must be None`]
    : [];
}

function autoscalerFindings(objects: Manifest[]): string[] {
  return objects
    .filter((object) => object.kind === 'HorizontalPodAutoscaler')
    .flatMap((autoscaler) => {
      const { kind, name } = autoscaler.spec?.scaleTargetRef ?? {};
      const target = objects.find(
        (object) => object.kind === kind && object.metadata.name === name && sameNamespace(object, autoscaler),
      );
      // With both, every apply resets the number of replicas to the written one.
      return target?.spec.replicas === undefined
        ? []
        : [`${title(target)}: replicas is ${target.spec.replicas}, must be absent beside ${title(autoscaler)}`];
    });
}

function budgetFindings(objects: Manifest[]): string[] {
  const budgets = objects.filter((object) => object.kind === 'PodDisruptionBudget');
  const covers = (budget: Manifest) => selectedPods(objects, budget, budget.spec?.selector);
  return [
    ...budgets
      .filter((budget) => covers(budget).length === 0)
      .map((budget) => `${title(budget)}: selector matches no pod template`),
    // Kubernetes refuses to evict a pod that two budgets cover.
    ...podTemplates(objects).flatMap((template) => {
      const own = budgets.filter((budget) => covers(budget).some(({ owner }) => owner === template.owner));
      return own.length > 1
        ? [`${title(template.owner)}: more than one budget covers it: ${own.map(title).join(', ')}`]
        : [];
    }),
    ...budgets.flatMap((budget) =>
      blockedDrain(
        budget,
        covers(budget).map(({ owner }) => owner),
      ),
    ),
  ];
}

/** A budget that allows no disruption of its pods blocks the drain of a node permanently. */
function blockedDrain(budget: Manifest, owners: Manifest[]): string[] {
  const { maxUnavailable, minAvailable } = budget.spec ?? {};
  const replicas = owners.reduce((sum, owner) => sum + (owner.spec.replicas ?? Infinity), 0);
  const blocks = maxUnavailable === 0 || maxUnavailable === '0%' || minAvailable === '100%' || minAvailable >= replicas;
  return blocks && owners.length > 0
    ? [`${title(budget)}: allows no pod of ${owners.map(title).join(', ')} to go, so that no node can be drained`]
    : [];
}
