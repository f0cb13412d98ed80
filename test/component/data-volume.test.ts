import { Chart, Size } from 'cdk8s';
import { DataVolume, DataVolumeProps, MlflowPlatform } from '../../lib';
import { client } from '../support/components';
import { errorOf, find, snapshotOf, synth } from '../support/synth';

const allProps: Required<DataVolumeProps> = { storage: Size.gibibytes(100), storageClassName: 'fast-ssd' };

const volume = (props?: DataVolumeProps) => synth((chart) => new DataVolume(chart, 'mlflow-data', props));

test('DataVolume without props', () => {
  expect(snapshotOf(volume())).toMatchSnapshot();
});

test('DataVolume with all props', () => {
  expect(snapshotOf(volume(allProps))).toMatchSnapshot();
});

test('a volume in a platform has the name of the platform before its id', () => {
  const objects = synth((chart) => new DataVolume(new MlflowPlatform(chart, 'mlflow'), 'data'));
  expect(find(objects, 'PersistentVolumeClaim', 'mlflow-data').metadata.labels).toMatchObject({
    'app.kubernetes.io/instance': 'mlflow',
  });
});

test('GitOps controllers do not delete the claim', () => {
  expect(find(volume(), 'PersistentVolumeClaim', 'mlflow-data').metadata.annotations).toEqual({
    'argocd.argoproj.io/sync-options': 'Delete=false,Prune=false',
    'kustomize.toolkit.fluxcd.io/prune': 'disabled',
  });
});

test('the claim can be patched', () => {
  synth((chart) => expect(new DataVolume(chart, 'mlflow-data').apiObject('claim').kind).toBe('PersistentVolumeClaim'));
});

test('pods mount the claim at the folder of the volume', () => {
  synth((chart) => {
    const made = new DataVolume(chart, 'mlflow-data');
    for (const each of [made, DataVolume.fromClaim('mlflow-data')]) {
      expect(each.mountFrom({ ...client(0), namespace: 'mlflow' })).toEqual({
        claimName: 'mlflow-data',
        directory: each.directory,
      });
    }
  });
});

test('a client in another namespace is refused', () => {
  const mount = (chart: Chart) =>
    new DataVolume(chart, 'mlflow-data').mountFrom({ ...client(0), namespace: 'notebooks' });
  expect(errorOf(() => synth(mount))).toContain(
    "chart/mlflow-data: the claim 'mlflow-data' is in namespace 'mlflow', and who connects in 'notebooks'",
  );
});

test('an existing claim with a wrong name is refused', () => {
  expect(errorOf(() => DataVolume.fromClaim('My_Claim').mountFrom(client(0)))).toContain(
    "claimName is 'My_Claim'; expected lower-case letters",
  );
});
