import { ApiObject, Chart } from 'cdk8s';
import { Construct, IConstruct } from 'constructs';
import { instanceOf } from './instance';

/** A component of ours: the chart, or a construct in a chart, that contains it, and the labels of its pods. */
interface Pods extends IConstruct {
  readonly namespace?: string;
  readonly podSelector: Record<string, string>;
}

const components = new WeakMap<IConstruct, Pods[]>();

/**
 * Rules over the objects of an app, checked before anything is written. Objects of other constructs, e.g. of a Helm chart,
 * are checked only if they have the name of one of ours.
 */
export function validateApp(component: Pods): void {
  const { root } = component.node;
  const known = components.get(root);
  if (known) {
    known.push(component);
    return;
  }
  components.set(root, [component]);
  // cdk8s validates the whole app anew for each chart of it: the same tree is not worked out again.
  let checked: Checked | undefined;
  root.node.addValidation({
    validate: () => {
      const nodes = root.node.findAll();
      if (!checked || !isSame(nodes, checked.nodes)) checked = checkTree(root, nodes);
      // A patch may have given one its data since.
      return [...secretsWithData(checked.secrets), ...checked.errors];
    },
  });
}

/** What is known of a tree, as long as it has these nodes. */
interface Checked {
  readonly nodes: IConstruct[];
  readonly secrets: ApiObject[];
  readonly errors: string[];
}

function isSame(nodes: IConstruct[], before: IConstruct[]): boolean {
  return nodes.length === before.length && nodes.every((node, index) => node === before[index]);
}

function checkTree(root: IConstruct, nodes: IConstruct[]): Checked {
  const objects = nodes.filter((node): node is ApiObject => ApiObject.isApiObject(node));
  const own = ours(objects, root);
  const collided = collisions(objects);
  return {
    nodes,
    secrets: own.filter((object) => object.kind === 'Secret'),
    errors: collided.length > 0 ? collided : [...sharedSelectors(components.get(root)!), ...sharedHosts(own)],
  };
}

/** Whether an object is in a platform, or in a component of the library. */
function ours(objects: ApiObject[], root: IConstruct): ApiObject[] {
  const tops = new Set(components.get(root)!.map((component) => instanceOf(component as unknown as Construct).root));
  const all = new Set<IConstruct>([...tops, ...components.get(root)!]);
  return objects.filter((object) => object.node.scopes.some((scope) => all.has(scope)));
}

/** Two of ours that clients reach by the same host and path: which of them answers is up to the controller. */
function sharedHosts(objects: ApiObject[]): string[] {
  const seen = new Map<string, ApiObject>();
  return objects.flatMap((object) =>
    addresses(object).flatMap((address) => {
      const other = seen.get(address);
      seen.set(address, object);
      if (!other) return [];
      return [
        `${object.node.path}: ${object.kind} '${object.name}' has the address '${address}', which ${other.kind} ` +
          `'${other.name}' of ${other.node.path} has too; expected a host of its own for each exposure`,
      ];
    }),
  );
}

/** Host and path of each rule of an Ingress, an HTTPRoute or a Route of OpenShift. */
function addresses(object: ApiObject): string[] {
  if (!['Ingress', 'HTTPRoute', 'Route'].includes(object.kind)) return [];
  const { spec = {} } = object.toJson();
  if (object.kind === 'Route') return [`${spec.host}${spec.path ?? '/'}`];
  if (object.kind === 'HTTPRoute') {
    const matches = (spec.rules ?? []).flatMap((rule: any) => rule.matches ?? [{}]);
    const paths = matches.map((match: any) => match.path?.value ?? '/');
    return (spec.hostnames ?? []).flatMap((host: string) => paths.map((path: string) => `${host}${path}`));
  }
  return (spec.rules ?? []).flatMap((rule: any) =>
    (rule.http?.paths ?? []).map((path: any) => `${rule.host ?? ''}${path.path ?? '/'}`),
  );
}

function secretsWithData(secrets: ApiObject[]): string[] {
  return secrets
    .filter((object) => {
      const { data, stringData } = object.toJson();
      return Object.keys({ ...data, ...stringData }).length > 0;
    })
    .map(
      (object) =>
        `${object.node.path}: the Secret '${object.name}' has data, which would stand in YAML for anyone to read; ` +
        "expected Credentials.generated(), or Credentials.fromSecret('name') with a Secret made outside",
    );
}

/** Two components whose pods have the same labels: the Services of each would send to the pods of both. */
function sharedSelectors(all: Pods[]): string[] {
  const seen = new Map<string, Pods>();
  const errors: string[] = [];
  for (const component of all) {
    const key = JSON.stringify([component.namespace, component.podSelector]);
    const other = seen.get(key);
    if (other) {
      errors.push(
        `${component.node.path}: its pods have the same labels as those of ${other.node.path}; ` +
          'expected an instance of its own for one of them: a component outside the platform, with another id',
      );
    }
    seen.set(key, component);
  }
  return errors;
}

/** Objects of the same kind, name and namespace. Each pair of constructs that create them is reported once. */
function collisions(objects: ApiObject[]): string[] {
  const seen = new Map<string, ApiObject>();
  const twice = new Map<string, { object: ApiObject; other: ApiObject; count: number }>();
  for (const object of objects) {
    const key = [object.apiGroup, object.kind, namespaceOf(object), object.name].join('/');
    const other = seen.get(key);
    seen.set(key, object);
    if (!other) continue;
    const places = JSON.stringify([object, other].map(({ node, name }) => node.scopes[2]?.node.path ?? name));
    const found = twice.get(places);
    if (found) found.count++;
    else twice.set(places, { object, other, count: 1 });
  }
  return [...twice.values()].map(({ object, other, count }) => {
    const namespace = namespaceOf(object);
    const more = count > 1 ? `, and so are ${count - 1} more objects` : '';
    return (
      `${object.node.path}: ${object.kind} '${object.name}' is made by ${other.node.path} too` +
      `${namespace && ` in namespace '${namespace}'`}${more}; expected another id for one of them, or a namespace of its own`
    );
  });
}

function namespaceOf(object: ApiObject): string {
  return object.metadata.namespace ?? Chart.of(object).namespace ?? '';
}
