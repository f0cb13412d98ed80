// A jest reporter: if a test fails, it prints pods, events and logs at once.
require('tsx/cjs');
const { Namespace } = require('./namespace.ts');
const { run } = require('./process.ts');

module.exports = class {
  reported = false;

  onTestCaseResult(_test, result) {
    if (result.status !== 'failed' || this.reported) return;
    this.reported = true; // once, because later failures are mostly caused by the first
    const names = run('kubectl', ['get', 'namespaces', '--output', 'name']).stdout.match(/mlflow-e2e[-\w]*/g) ?? [];
    const reports = names.map((name) => new Namespace(name).report());
    process.stderr.write(`\n--- the cluster when '${result.fullName}' failed ---\n${reports.join('\n')}\n`);
  }
};
