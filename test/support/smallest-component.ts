import { Construct } from 'constructs';
import { Component } from '../../lib/component/component';
import { configMap } from '../../lib/component/standard-objects';

/** The smallest component: one ConfigMap with the name of the component. */
export class SmallestComponent extends Component {
  constructor(scope: Construct, id: string, role = 'smallest', longestSuffix = '') {
    super(scope, id, { role, longestSuffix });
    configMap(this, 'config-map', this.componentName, { key: 'value' });
  }
}
