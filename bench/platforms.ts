// Synthesizes the number of platforms in its first argument, each in its own chart and namespace, and prints the processor
// time. With `plain` as the second argument, it does so for the same objects in plain cdk8s.
import { App, Chart } from 'cdk8s';
import { measured, plainApp } from './plain';
import { MlflowPlatform } from '../lib';

const [, , count, kind] = process.argv;

function platforms(): App {
  const app = new App();
  for (let index = 0; index < Number(count); index++) {
    new MlflowPlatform(new Chart(app, `chart-${index}`, { namespace: `team-${index}` }), 'mlflow');
  }
  return app;
}

console.log(JSON.stringify(measured(kind === 'plain' ? plainApp(platforms()) : platforms)));
