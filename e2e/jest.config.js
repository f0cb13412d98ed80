// `npm run e2e` skips files named *.long.test.ts, which take long or need programs that few machines have.
module.exports = {
  rootDir: '..',
  testEnvironment: 'node',
  testMatch: ['<rootDir>/e2e/suites/*.test.ts'],
  testPathIgnorePatterns: process.env.E2E_LONG ? [] : ['\\.long\\.test\\.ts$'],
  globalSetup: '<rootDir>/test/bundle-runtime.mjs',
  setupFiles: ['<rootDir>/e2e/lib/tested-mlflow.ts'],
  transform: { '^.+\\.ts$': '<rootDir>/test/transform-typescript.cjs' },
  testTimeout: 600000,
  verbose: true,
  reporters: ['default', '<rootDir>/e2e/lib/report-on-failure.cjs'],
};
