import { Finding } from '../finding';
import { partOf } from '../part';
import { ageSeconds, all, isOurs, Snapshot, title } from '../snapshot';
import { brief, condition } from '../workload';

/** Seconds until a new HorizontalPodAutoscaler has its first metrics. */
const FIRST_METRICS = 120;

/** HorizontalPodAutoscalers without metrics, and PodDisruptionBudgets that block drains. */
export function autoscalingFindings(snapshot: Snapshot): Finding[] {
  return [...autoscalers(snapshot), ...budgets(snapshot)];
}

function autoscalers(snapshot: Snapshot): Finding[] {
  return all(snapshot, 'HorizontalPodAutoscaler')
    .filter(isOurs)
    .flatMap((hpa) => {
      const inactive = condition(hpa, 'ScalingActive', 'False');
      const unable = condition(hpa, 'AbleToScale', 'False');
      const failed = inactive && inactive.reason !== 'ScalingDisabled' ? inactive : unable;
      if (!failed || ageSeconds(snapshot, hpa.metadata.creationTimestamp) < FIRST_METRICS) return [];
      const { namespace, name } = hpa.metadata;
      return [
        {
          check: 'autoscaler',
          severity: 'warning' as const,
          object: title(hpa),
          namespace,
          parts: [partOf(hpa)],
          symptom: true,
          says: `${title(hpa)} does not scale: ${brief(failed.message, 400)}.`,
          todo: /resource metric/i.test(failed.message ?? '')
            ? 'Install metrics-server, or set a fixed number of replicas: { replicas: 3 }.'
            : `See kubectl describe hpa -n ${namespace} ${name}`,
        },
      ];
    });
}

function budgets(snapshot: Snapshot): Finding[] {
  return all(snapshot, 'PodDisruptionBudget')
    .filter(isOurs)
    .flatMap((budget) => {
      const { disruptionsAllowed, expectedPods = 0, currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? {};
      // While pods are not Ready, none may be evicted: that passes. Here, never may one be.
      if (
        disruptionsAllowed !== 0 ||
        expectedPods === 0 ||
        desiredHealthy < expectedPods ||
        currentHealthy < desiredHealthy
      ) {
        return [];
      }
      return [
        {
          check: 'disruption-budget',
          severity: 'warning' as const,
          object: title(budget),
          namespace: budget.metadata.namespace,
          parts: [partOf(budget)],
          says: `${title(budget)} allows no eviction: it wants ${desiredHealthy} of ${expectedPods} pods, so a drain of their node never ends.`,
          todo: 'Add a replica, or set maxUnavailable to 1 in the PodDisruptionBudget.',
        },
      ];
    });
}
