import { containerOf, podOf, serverError, serverObjects } from './servers';

test('further options of mlflow server follow those of the library', () => {
  const argsOf = (extraArguments?: string[]) =>
    containerOf(podOf(serverObjects({ extraArguments })), 'mlflow').args as string[];
  expect(argsOf(['--x-frame-options', 'DENY'])).toEqual([...argsOf(), '--x-frame-options', 'DENY']);
});

test.each([
  ['--workers=4', 'expected the prop workers'],
  ['-w4', 'expected the prop workers'],
  ['--host', 'expected without it: the library sets it'],
  ['-p', 'expected without it: the library sets it'],
  ['--uvicorn-opts', 'expected without it: the library sets it'],
  ['--gunicorn-opts=--reload', 'expected without it: the library sets it'],
  ['--dev', 'expected without it: the library sets it'],
  ['--expose-prometheus', 'expected without it: the library sets it'],
  ['--backend-store-uri', 'expected the prop database'],
  ['--registry-store-uri', 'expected the prop database'],
  ['--workspace-store-uri', 'expected the prop database'],
  ['--artifacts-destination', 'expected the props artifacts and artifactAccess'],
  ['--default-artifact-root', 'expected the props artifacts and artifactAccess'],
  ['--no-serve-artifacts', 'expected the props artifacts and artifactAccess'],
  ['--artifacts-only', 'expected the props artifacts and artifactAccess'],
  ['--allowed-hosts', 'expected the prop allowedHosts'],
  ['--cors-allowed-origins', 'expected the prop allowedOrigins'],
  ['--disable-security-middleware', 'it lets any web site use the server'],
  ['--app-name', 'expected the prop authentication'],
  ['--static-prefix', 'a path prefix'],
  ['--help', 'the server would print a text and exit'],
  ['DENY', "expected an option first, e.g. '--x-frame-options'"],
  ['-x', 'in its long form'],
])('refuses %s', (argument, message) => {
  const said = serverError({ extraArguments: [argument] });
  expect(said).toContain(`chart/server: extraArguments[0] is '${argument}'; `);
  expect(said).toContain(message);
});

test('refuses a URL with a password without repeating it', () => {
  const said = serverError({ extraArguments: ['--a=postgresql://me:letmein@db/mlflow'] });
  expect(said).toContain('extraArguments[0] is a URL with a password; expected no secrets there');
  expect(said).not.toContain('letmein');
});
