// Synthesizes as many platforms as its argument says, each in a chart and namespace of its own, and says what it took.
import { App, Chart } from 'cdk8s';
import { MlflowPlatform } from '../lib';

const start = process.hrtime.bigint();
const app = new App();
for (let index = 0; index < Number(process.argv[2]); index++) {
  new MlflowPlatform(new Chart(app, `chart-${index}`, { namespace: `team-${index}` }), 'mlflow');
}
app.synth();
const milliseconds = Number(process.hrtime.bigint() - start) / 1e6;
const objects = app.node.findAll().filter((node) => 'apiVersion' in node).length;
console.log(JSON.stringify({ objects, milliseconds }));
