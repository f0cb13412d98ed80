import { RecordingDatabase, containerOf, environmentOf, podOf, serverError, serverObjects } from './servers';
import { ArtifactAccess, ArtifactStore, Authentication, Credentials, Exposure, TrackingServerProps } from '../../lib';
import { find } from '../support/synth';

const names = (containers: any[]) => containers.map(({ name }) => name);
const podWith = (props: Partial<TrackingServerProps> = {}) =>
  podOf(serverObjects({ checkBeforeServing: true, ...props }));
const checkOf = (props?: Partial<TrackingServerProps>) => containerOf(podWith(props), 'check-before-serving');

describe('checkBeforeServing', () => {
  test('runs the check to its end between the start of MLflow and that of nginx', () => {
    const { initContainers, containers } = podWith().spec;
    expect(names(initContainers)).toEqual(['wait-for-schema', 'mlflow', 'check-before-serving']);
    expect(names(containers)).toEqual(['nginx']);
    expect(checkOf().restartPolicy).toBeUndefined();
  });

  test('runs the program of the ConfigMap with the image of MLflow', () => {
    const objects = serverObjects({ checkBeforeServing: true, image: 'registry.example.com/mlflow:v3.17.2' });
    const { image, command } = containerOf(podOf(objects), 'check-before-serving');
    expect(image).toBe('registry.example.com/mlflow:v3.17.2');
    const file = command.at(-1).split('/').at(-1);
    expect(find(objects, 'ConfigMap', 'server-programs').data[file]).toContain('def check(');
  });

  test('asks MLflow on the port of the loopback on which it listens', () => {
    const mlflow = containerOf(podWith(), 'mlflow');
    expect(mlflow.args).toContain(environmentOf(checkOf()).SERVER_PORT);
  });

  test('gives the check no secret and no volume but that of the programs', () => {
    expect(names(checkOf().volumeMounts)).toEqual(['programs']);
    expect(Object.keys(environmentOf(checkOf()))).toEqual(['SERVER_PORT', 'CHECK_ARTIFACTS']);
  });

  test('writes to the store, unless clients write without the server or the store must not change', () => {
    const artifacts = (props: Partial<TrackingServerProps>) => environmentOf(checkOf(props)).CHECK_ARTIFACTS;
    expect(artifacts({})).toBe('write');
    expect(artifacts({ artifactAccess: ArtifactAccess.PRESIGNED })).toBe('write');
    expect(artifacts({ artifactAccess: ArtifactAccess.DIRECT })).toBe('read');
    expect(artifacts({ pauseArtifactWrites: true })).toBe('read');
  });

  test('keeps the old servers until the new one is ready', () => {
    const { strategy } = find(serverObjects({ checkBeforeServing: true }), 'Deployment', 'server').spec;
    expect(strategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } });
  });

  test('changes nothing if it is off', () => {
    expect(serverObjects({ checkBeforeServing: false })).toEqual(serverObjects());
    expect(find(serverObjects(), 'ConfigMap', 'server-programs').data['check_server.py']).toBeUndefined();
  });

  test('works with single sign-on and with workspaces', () => {
    const authentication = Authentication.oidc({
      issuer: 'https://login.example.com',
      clientId: 'mlflow',
      credentials: Credentials.fromSecret('oidc'),
    });
    const exposure = Exposure.ingress({ host: 'mlflow.example.com' });
    expect(names(podWith({ authentication, exposure }).spec.initContainers)).toContain('check-before-serving');
    const workspaces = [{ name: 'fraud' }];
    expect(names(podWith({ workspaces }).spec.initContainers)).toContain('check-before-serving');
  });

  test.each<[string, Partial<TrackingServerProps>, string, string]>([
    [
      "MLflow's own login",
      { authentication: Authentication.mlflow() },
      'checkBeforeServing is true, and authentication is Authentication.mlflow(…)',
      'expected Authentication.basic() or oidc(…)',
    ],
    [
      'a database of one replica',
      { database: new RecordingDatabase(false), replicas: 1 },
      'checkBeforeServing is true, and the database supports a single replica',
      'expected a database and a store that servers can share',
    ],
    [
      'a store of one replica',
      { artifacts: ArtifactStore.fromClaim({ claimName: 'files' }), replicas: 1 },
      'checkBeforeServing is true, and the artifact store supports a single replica',
      'the old server is stopped before the new one starts',
    ],
  ])('refuses %s', (_, props, given, want) => {
    expect(serverObjects({ ...props })).not.toEqual([]);
    const message = serverError({ checkBeforeServing: true, ...props });
    expect(message).toContain(`server: ${given}`);
    expect(message).toContain(want);
  });
});
