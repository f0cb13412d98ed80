import { Construct } from 'constructs';
import { Component } from '../../lib';
import { configMap } from '../../lib/kubernetes/common-objects';

/** The smallest component: one ConfigMap, which has its name. */
export class Thing extends Component {
  constructor(scope: Construct, id: string, component = 'thing', longestSuffix = '') {
    super(scope, id, component, longestSuffix);
    configMap(this, 'config-map', this.componentName, { key: 'value' });
  }
}
