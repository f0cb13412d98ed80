// A jest reporter: where a test fails it prints, at once, what a person would look at (pods, events, logs).
require('tsx/cjs');
const { report } = require('./kubectl.ts');

module.exports = class {
  reported = false;

  onTestCaseResult(_test, result) {
    if (result.status !== 'failed' || this.reported) return;
    this.reported = true; // once: what comes after the first failure mostly follows from it
    process.stderr.write(`\n--- the cluster when '${result.fullName}' failed ---\n${report()}\n`);
  }
};
