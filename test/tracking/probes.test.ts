import { Duration } from 'cdk8s';
import { serverError, serverObjects } from './servers';
import { TrackingServerOptions } from '../../lib';
import { find } from '../support/synth';

function probesOf(options: TrackingServerOptions) {
  const { spec } = find(serverObjects(options), 'Deployment', 'server').spec.template;
  const mlflow = spec.initContainers.find(({ name }: any) => name === 'mlflow');
  const nginx = spec.containers.find(({ name }: any) => name === 'nginx');
  return { startup: mlflow.startupProbe, liveness: mlflow.livenessProbe, readiness: nginx.readinessProbe };
}
/** Seconds for which a probe may fail. */
const patience = ({ periodSeconds, failureThreshold }: any) => periodSeconds * failureThreshold;

test('by default MLflow has ten minutes to start, two to answer again, and half of one to be healthy', () => {
  const { startup, liveness, readiness } = probesOf({});
  expect([startup, liveness, readiness].map(patience)).toEqual([600, 120, 30]);
});

test('each time can be changed, and is never shorter than given', () => {
  const { startup, liveness, readiness } = probesOf({
    startTimeout: Duration.minutes(20),
    livenessTimeout: Duration.seconds(90),
    readinessTimeout: Duration.seconds(61),
  });
  expect([startup, liveness, readiness].map(patience)).toEqual([1200, 100, 62]);
});

test.each<[string, TrackingServerOptions]>([
  ['startTimeout is 59 seconds; expected whole seconds, at least 60', { startTimeout: Duration.seconds(59) }],
  ['livenessTimeout is 30 seconds; expected whole seconds, at least 60', { livenessTimeout: Duration.seconds(30) }],
  ['readinessTimeout is 5 seconds; expected whole seconds, at least 6', { readinessTimeout: Duration.seconds(5) }],
])('refuses a time that restarts healthy servers: %s', (message, options) => {
  expect(serverError(options)).toContain(`chart/server: ${message}`);
});
