import { Construct } from 'constructs';
import { PlacementOptions } from './pod-options';

const KEY = 'cdk8s-mlflow/instance';

/** What shares one `app.kubernetes.io/instance`: a platform, or a component without a platform. */
export interface Instance {
  readonly name: string;
  readonly root: Construct;
  /** Options that the platform gives to all pods. */
  placement: PlacementOptions;
}

/** Makes everything below `root` one instance. Call it before `root` has children. */
export function declareInstance(root: Construct, name: string, placement: PlacementOptions): void {
  root.node.setContext(KEY, { name, root, placement } satisfies Instance);
}

export function instanceOf(construct: Construct): Instance {
  const declared: Instance | undefined = construct.node.tryGetContext(KEY);
  if (declared) return declared;
  declareInstance(construct, construct.node.id, {});
  return instanceOf(construct);
}
