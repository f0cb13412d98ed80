import { ApiObject, Chart } from 'cdk8s';
import { Construct, IConstruct } from 'constructs';

const validated = new WeakSet<IConstruct>();

/** Rules over all objects of an app, ours and the user's own, checked once before anything is written. */
export function validateApp(construct: Construct): void {
  const root = construct.node.root;
  if (validated.has(root)) return;
  validated.add(root);
  root.node.addValidation({
    validate: () => {
      const objects = root.node.findAll().filter((node): node is ApiObject => ApiObject.isApiObject(node));
      return [...secretsWithData(objects), ...collisions(objects), ...sharedSelectors(objects)];
    },
  });
}

function secretsWithData(objects: ApiObject[]): string[] {
  return objects
    .filter((object) => object.kind === 'Secret')
    .filter((object) => {
      const { data, stringData } = object.toJson();
      return Object.keys({ ...data, ...stringData }).length > 0;
    })
    .map(
      (object) =>
        `${object.node.path}: the Secret '${object.name}' has data, which would stand in YAML for anyone to read: ` +
        "want Credentials.generated(), or Credentials.fromSecret('name') with a Secret made outside",
    );
}

/** Two workloads whose pods have the same labels: the Services of each would send to the pods of both. */
function sharedSelectors(objects: ApiObject[]): string[] {
  const seen = new Map<string, ApiObject>();
  const errors: string[] = [];
  for (const object of objects) {
    if (!['Deployment', 'StatefulSet'].includes(object.kind)) continue;
    const labels = Object.entries(object.toJson().spec?.selector?.matchLabels ?? {}).sort();
    const namespace = object.metadata.namespace ?? Chart.of(object).namespace ?? '';
    const key = JSON.stringify([namespace, labels]);
    const other = seen.get(key);
    if (other && other.name !== object.name) {
      errors.push(
        `${object.node.path}: ${object.kind} '${object.name}' selects the same pods as ${other.node.path}: ` +
          'want an instance of its own for one of them: a component outside the platform, with another id',
      );
    }
    seen.set(key, object);
  }
  return errors;
}

function collisions(objects: ApiObject[]): string[] {
  const seen = new Map<string, ApiObject>();
  const errors: string[] = [];
  for (const object of objects) {
    if (typeof object.name !== 'string') continue; // a Job's name ends with a hash, its owner's name is checked
    const namespace = object.metadata.namespace ?? Chart.of(object).namespace ?? '';
    const key = [object.apiGroup, object.kind, namespace, object.name].join('/');
    const other = seen.get(key);
    if (other) {
      errors.push(
        `${object.node.path}: ${object.kind} '${object.name}' is made by ${other.node.path} too` +
          `${namespace && ` in namespace '${namespace}'`}: want another id for one of them, or a namespace of its own`,
      );
    }
    seen.set(key, object);
  }
  return errors;
}
