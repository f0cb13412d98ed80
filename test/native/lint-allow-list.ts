/** A finding of an analyser that is accepted, with the reason. */
export interface Exception {
  /** The analyser's id of the check. */
  readonly check: string;
  /** The objects, as `Kind/name`. */
  readonly objects: RegExp;
  readonly reason: string;
}

const WORKLOADS = /^(Deployment|StatefulSet|Job|CronJob)\//;
const POSTGRES = /^(StatefulSet|Job)\/.*postgres/;

export const ALLOWED: Exception[] = [
  {
    check: 'container-security-context-user-group-id',
    objects: POSTGRES,
    reason: 'Postgres wants a user that its image knows, which is 999.',
  },
  {
    check: 'CKV_K8S_40',
    objects: POSTGRES,
    reason: 'Postgres wants a user that its image knows, which is 999.',
  },
  {
    check: 'container-image-pull-policy',
    objects: WORKLOADS,
    reason: 'A pod has to start while the registry cannot be reached; no image has the tag latest.',
  },
  {
    check: 'CKV_K8S_15',
    objects: WORKLOADS,
    reason: 'A pod has to start while the registry cannot be reached; no image has the tag latest.',
  },
  {
    check: 'CKV_K8S_43',
    objects: WORKLOADS,
    reason:
      'A digest is for those to pin who have seen the image: the defaults name versions, which get security fixes.',
  },
  {
    check: 'CKV_K8S_38',
    objects: /^Job\/.*-credentials-/,
    reason: 'The Job makes Secrets, for which it needs the token of its account.',
  },
  {
    check: 'CKV_K8S_38',
    objects: /^Deployment\/.*-deployer$/,
    reason: 'The deployer patches servings, for which it needs the token of its account.',
  },
  {
    check: 'deployment-replicas',
    objects: /^Deployment\/.*-deployer$/,
    reason: 'One works at a time, and goes on where it was; servings do not need it to answer.',
  },
  {
    check: 'statefulset-has-servicename',
    objects: /^StatefulSet\/.*(minio|seaweedfs)/,
    reason:
      'A single pod is called by the name of its Service; with several replicas the governing Service is headless.',
  },
];
