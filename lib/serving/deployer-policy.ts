import { ApiObject, Chart } from 'cdk8s';
import { Construct } from 'constructs';
import { ModelDeployer } from './model-deployer';
import { checkInputs, checkedScope } from '../inputs/inputs';
import { findApiObject } from '../kubernetes/find-api-object';
import { apiObject, withMetadata } from '../kubernetes/manifest';
import { check, nameRule } from '../kubernetes/rules';

/** Options of a policy. */
export interface DeployerPolicyProps {
  /** The deployer whose changes it narrows, e.g. `mlflow.deployer`. */
  readonly deployer: ModelDeployer;
}

/** As runtime/deployer/names.ts has them; a test compares both. @internal */
export const WRITTEN = {
  variable: 'MODEL_VERSION',
  label: 'model-version',
  state: 'cdk8s-mlflow/deployer',
  created: 'cdk8s-mlflow/model-version-created',
};

/** Fields that the API server itself changes. */
const OF_THE_SERVER = ['managedFields', 'generation', 'resourceVersion'];
const GROUP = 'admissionregistration.k8s.io';

/**
 * Lets the deployer change the version of a serving and nothing else: its Role can only say that it may patch the whole
 * Deployment, with which a stolen token could run any image, or mount any Secret of the namespace. It is a
 * ValidatingAdmissionPolicy with its binding, both named by the id. They belong to the whole cluster, so put it in a chart of
 * its own, and apply that with the right to create such policies.
 *
 * Objects, by the ids for `apiObject()`: `policy`, `binding`.
 *
 * @see https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
 */
export class DeployerPolicy extends Construct {
  /**
   * @param scope the chart, or a construct in a chart, that contains it
   * @param id names both objects, once in the cluster: a DNS label
   * @param props the deployer
   */
  constructor(scope: Construct, id: string, props: DeployerPolicyProps) {
    super(checkedScope('DeployerPolicy', scope, id), id);
    checkInputs('new DeployerPolicy', { scope, id, props }, this);
    const { deployer } = props;
    check(this, [
      nameRule('the id of the policy', id),
      {
        wrong: Chart.of(this).namespace !== undefined,
        given: `the chart of the policy has the namespace '${Chart.of(this).namespace}'`,
        want: "expected a chart of its own without one, new Chart(app, 'mlflow-policy'): a policy belongs to the whole cluster",
      },
      {
        wrong: deployer.namespace === undefined,
        given: `the chart of the deployer ${deployer.node.path} has no namespace`,
        want: "expected one, new Chart(app, 'mlflow', { namespace: 'mlflow' }): the policy knows the deployer by it",
      },
    ]);
    const base = { apiVersion: `${GROUP}/v1`, name: id, ...withMetadata(deployer, { labels: deployer.labels }) };
    const spec = policy(`system:serviceaccount:${deployer.namespace}:${deployer.componentName}`);
    this.node.defaultChild = apiObject(this, 'policy', { ...base, kind: 'ValidatingAdmissionPolicy', body: { spec } });
    apiObject(this, 'binding', {
      ...base,
      kind: 'ValidatingAdmissionPolicyBinding',
      body: { spec: { policyName: id, validationActions: ['Deny'] } },
    });
  }

  /**
   * Returns one of its objects, to change a field that no prop sets.
   *
   * @param id `policy` or `binding`. Another id is refused, with the list of those that exist
   */
  public apiObject(id: string): ApiObject {
    checkInputs('DeployerPolicy#apiObject', { id }, this);
    return findApiObject(this, id);
  }
}

/** CEL: the maps `a` and `b` have the same entries, except those of some keys. */
function same(a: string, b: string, except: string[] = []): string {
  const skip = except.length > 0 ? `k in [${except.map((key) => `'${key}'`).join(', ')}] || ` : '';
  return `${a}.all(k, ${skip}k in ${b} && ${a}[k] == ${b}[k]) && ${b}.all(k, ${skip}k in ${a})`;
}

/** CEL: the containers are the same, except the value of one variable. */
function sameContainers(list: string): string {
  const [now, before] = [`variables.objectPodSpec.${list}`, `variables.oldObjectPodSpec.${list}`];
  const env = (container: string) => `(has(${container}.env) ? ${container}.env : [])`;
  const ours = `e.name == '${WRITTEN.variable}' && e.all(k, k in ['name', 'value']) && e.value.matches('^[0-9]{1,19}$')`;
  const sameVariables =
    `${env('c')}.all(e, (${ours}) || e in ${env('o')}) && ` +
    `${env('o')}.all(e, e.name == '${WRITTEN.variable}' || e in ${env('c')})`;
  return (
    `${now}.size() == ${before}.size() && ` +
    `${now}.all(c, ${before}.exists_one(o, o.name == c.name && ${same('c', 'o', ['env'])} && ${sameVariables}))`
  );
}

/** Variables of the Deployment and of its pods, each now and before. */
const variables = (keys: string[], expression: (path: string, key: string) => string) =>
  ['', 'Pod'].flatMap((of) =>
    ['object', 'oldObject'].flatMap((version) =>
      keys.map((key) => ({
        name: `${version}${of}${key[0].toUpperCase()}${key.slice(1)}`,
        expression: expression(`${version}${of && '.spec.template'}`, key),
      })),
    ),
  );

/** As maps of any values: by their types they have fields, over which CEL does not go. */
const PARTS = variables(['metadata', 'spec'], (path, key) => `dyn(${path}.${key})`);
/** Maps that may be missing. */
const MAPS = variables(
  ['labels', 'annotations'],
  (path, key) => `has(${path}.metadata.${key}) ? ${path}.metadata.${key} : {}`,
);

function sameMetadata(of: '' | 'Pod', keys: string[], annotation: string): string {
  const map = (what: string, except: string) =>
    same(`variables.object${of}${what}`, `variables.oldObject${of}${what}`, [except]);
  return [
    same(`variables.object${of}Metadata`, `variables.oldObject${of}Metadata`, ['labels', 'annotations', ...keys]),
    map('Labels', WRITTEN.label),
    map('Annotations', annotation),
  ].join(' && ');
}

function policy(username: string): object {
  const only = (what: string) => `The deployer may change the version of a serving only, not ${what}.`;
  return {
    failurePolicy: 'Fail',
    matchConstraints: {
      resourceRules: [
        { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] },
      ],
    },
    matchConditions: [{ name: 'by-the-deployer', expression: `request.userInfo.username == '${username}'` }],
    variables: [...PARTS, ...MAPS],
    validations: [
      { expression: "request.operation == 'UPDATE'", message: 'The deployer may create no Deployment.' },
      {
        expression: sameMetadata('', OF_THE_SERVER, WRITTEN.state),
        message: only('the metadata of its Deployment'),
      },
      {
        expression: same('variables.objectSpec', 'variables.oldObjectSpec', ['template']),
        message: only('the spec of its Deployment'),
      },
      {
        expression: sameMetadata('Pod', [], WRITTEN.created),
        message: only('the metadata of its pods'),
      },
      {
        expression: same('variables.objectPodSpec', 'variables.oldObjectPodSpec', ['containers', 'initContainers']),
        message: only('the spec of its pods'),
      },
      ...['containers', 'initContainers'].map((list) => ({
        expression: sameContainers(list),
        message: only(`its ${list}`),
      })),
    ],
  };
}
