// The names that the program, the constructs and the pods of a serving agree on. Nothing is imported here.

/** Field manager of what the program sets on a Deployment. */
export const fieldManager = 'mlflow-model-deployer';
/** The variable of the two containers that says which version to serve. */
export const versionVariable = 'MODEL_VERSION';
/** On the Deployment and its pods, for people and selectors. */
export const versionLabel = 'model-version';
/** On the Deployment: what the program has to remember. */
export const stateAnnotation = 'cdk8s-mlflow/deployer';
/**
 * On the pods: when the version was made, in milliseconds. A model that was deleted and made anew counts from 1 again;
 * the same number with another content is another template, and so a rollout.
 */
export const createdAnnotation = 'cdk8s-mlflow/model-version-created';

interface Place {
  readonly namespace: string;
  readonly deployment: string;
}

/** Tag of a model version: `serving`, `replaced` or `failed: …`. */
export const outcomeTag = ({ namespace, deployment }: Place) => `deployment.${namespace}.${deployment}`;
/** Tag of a model version: since when, ISO 8601. */
export const timeTag = (place: Place) => `${outcomeTag(place)}.at`;
/** Tag of a model version, written by a pod of the serving that knows that this version cannot work. */
export const errorTag = (place: Place) => `${outcomeTag(place)}.error`;
/** Tag of a model version, written by a pod of the serving that waits for what may pass: a package index, disk space. */
export const waitingTag = (place: Place) => `${outcomeTag(place)}.waiting`;
