import { causesOf } from './causes';
import { answerFindings } from './checks/answers';
import { autoscalingFindings } from './checks/autoscaling';
import { backupFindings } from './checks/backups';
import { exposureFindings } from './checks/exposure';
import { jobFindings } from './checks/jobs';
import { namespaceFindings } from './checks/namespaces';
import { podFindings } from './checks/pods';
import { policyFindings } from './checks/policies';
import { referenceFindings } from './checks/references';
import { schemaFindings } from './checks/schema';
import { serviceFindings } from './checks/services';
import { servingFindings } from './checks/servings';
import { versionFindings } from './checks/versions';
import { volumeFindings } from './checks/volumes';
import { workloadFindings } from './checks/workloads';
import { Cause } from './finding';
import { Snapshot } from './snapshot';

/** In the order in which symptoms of one part are preferred. */
const CHECKS = [
  namespaceFindings,
  referenceFindings,
  volumeFindings,
  policyFindings,
  workloadFindings,
  jobFindings,
  podFindings,
  schemaFindings,
  serviceFindings,
  exposureFindings,
  answerFindings,
  servingFindings,
  autoscalingFindings,
  backupFindings,
  versionFindings,
];

/** All that is wrong with a platform: causes, with their consequences. */
export function examine(snapshot: Snapshot): Cause[] {
  return causesOf(CHECKS.flatMap((check) => check(snapshot)));
}
