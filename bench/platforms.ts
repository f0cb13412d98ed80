// Synthesizes as many platforms as its first argument says, each in a chart and namespace of its own, and says what it took;
// with `plain` as the second argument, their objects by cdk8s alone.
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
