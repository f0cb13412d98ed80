import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fixture } from './fixture';
import { Namespace } from './namespace';
import { Images } from '../../lib';

const PROGRAM = join(__dirname, '..', 'fixtures', 'state-metrics.js');
const NAME = 'mlflow-e2e-state-metrics';

/** The stand-in of kube-state-metrics in the namespace of Prometheus. Other than the original, it needs no other image. */
export class StateMetrics {
  private readonly manifest = fixture('state-metrics.yaml', { NODE: Images.NODE });

  constructor(private readonly namespace: Namespace) {}

  public start(): void {
    const data = { 'state-metrics.js': readFileSync(PROGRAM, 'utf8') };
    this.namespace.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: NAME }, data });
    this.namespace.apply(this.manifest);
  }

  public remove(): void {
    const options = ['--filename', '-', '--ignore-not-found', '--timeout=60s'];
    this.namespace.try(['delete', ...options], { input: this.manifest });
  }
}
