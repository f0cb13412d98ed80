import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { check } from './rules';

/** The Kubernetes object with this construct id below `construct`, or an error that lists the existing ones. */
export function findApiObject(construct: Construct, id: string): ApiObject {
  const objects = construct.node.findAll().filter((node): node is ApiObject => ApiObject.isApiObject(node));
  const relative = (object: ApiObject) => object.node.path.slice(construct.node.path.length + 1);
  const found = objects.find((object) => relative(object) === id);
  const ids = objects.map((object) => `'${relative(object)}'`).join(', ');
  check(construct, [{ wrong: !found, given: `the object '${id}' does not exist`, want: `expected one of ${ids}` }]);
  return found!;
}
