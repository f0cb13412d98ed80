import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';

/** The Kubernetes object with this construct id below `construct`, or an error that lists those there are. */
export function findApiObject(construct: Construct, id: string): ApiObject {
  const objects = construct.node.findAll().filter((node): node is ApiObject => ApiObject.isApiObject(node));
  const relative = (object: ApiObject) => object.node.path.slice(construct.node.path.length + 1);
  const found = objects.find((object) => relative(object) === id);
  if (!found) {
    const ids = objects.map((object) => `'${relative(object)}'`).join(', ');
    throw new Error(`${construct.node.path}: there is no object '${id}'; expected one of ${ids}`);
  }
  return found;
}
