import { CONSOLE, expectExample } from './example';

const example = expectExample('teams', {
  files: ['mlflow-fraud.k8s.yaml', 'mlflow-pricing.k8s.yaml'],
  meant: [CONSOLE, CONSOLE],
});

test('each team’s file stays within its namespace', () => {
  for (const team of ['fraud', 'pricing']) {
    const others = ['fraud', 'pricing'].filter((each) => each !== team);
    for (const other of others) expect(example.files[`mlflow-${team}.k8s.yaml`]).not.toContain(`mlflow-${other}`);
  }
});
