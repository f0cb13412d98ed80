import { annotationRules, labelRules } from '../kubernetes/metadata-rules';
import { Rule } from '../kubernetes/rules';

/** Labels and annotations of objects, which no selector uses. */
export interface ObjectMetadataOptions {
  /**
   * Labels of every object, Services, Jobs and NetworkPolicies included, in addition to the library's own, e.g.
   * `{ 'cost-center': '4711' }`: `metadata.labels`. Selectors and pods do not get them, so that a change restarts nothing:
   * those of pods are `podLabels`. Nor do the claims of a StatefulSet, which cannot be changed. A key that the library sets
   * is refused.
   * @default - none
   */
  readonly labels?: Record<string, string>;
  /**
   * Annotations of every object, in addition to those of the library, which take precedence: `metadata.annotations`. Those of
   * pods are `podAnnotations`.
   * @default - none
   */
  readonly annotations?: Record<string, string>;
}

/** Keys of labels that the library sets, and by which its parts find each other. */
const OWN_LABELS = [
  'app',
  'model-version',
  ...['component', 'instance', 'managed-by', 'name', 'part-of', 'version'].map((key) => `app.kubernetes.io/${key}`),
];
/** What kubectl writes itself. */
const OF_KUBECTL = 'kubectl.kubernetes.io/last-applied-configuration';

/** What is wrong with them. */
export function objectMetadataRules({ labels = {}, annotations = {} }: ObjectMetadataOptions): Rule[] {
  return [
    ...labelRules('labels', labels),
    ...annotationRules('annotations', annotations),
    ...Object.keys(labels).map((key) => ({
      wrong: OWN_LABELS.includes(key),
      given: `labels has '${key}'`,
      want: `expected a key that the library does not set: none of ${OWN_LABELS.join(', ')}`,
    })),
    ...Object.keys(annotations).map((key) => ({
      wrong: key.startsWith('cdk8s-mlflow/') || key === OF_KUBECTL,
      given: `annotations has '${key}'`,
      want: 'expected a key that neither the library nor kubectl sets',
    })),
  ];
}
