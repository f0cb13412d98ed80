import { join } from 'node:path';
import { login, Servers } from './servers';
import { ask } from '../nginx/client';

const PROGRAM = join(__dirname, '..', '..', '..', 'e2e', 'programs', 'mlflow_features.py');
let servers: Servers;

/** Uploads a file as MLflow's client uploads large files, and reads it again. */
const FORCED_MULTIPART = `
import mlflow, pathlib
pathlib.Path("large.bin").write_bytes(b"x" * 1000)
with mlflow.start_run() as run:
    mlflow.log_artifact("large.bin", "folder")
downloaded = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="folder/large.bin")
print(len(pathlib.Path(downloaded).read_bytes()))
`;

const post = async (path: string, body: object, api = '/api') =>
  ask({
    port: servers.proxy.httpPort,
    path: `${api}/2.0/mlflow/${path}`,
    method: 'POST',
    headers: { ...login, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

beforeAll(async () => {
  servers = await Servers.start();
}, 900_000);
afterAll(() => servers?.stop());

test("each of MLflow's features works through the proxy, in the default configuration", async () => {
  const used = JSON.parse(await servers.python([PROGRAM]));
  expect(used).toContain('prompts');
}, 900_000);

test('a model version can be created from artifacts and prompts, and from nothing else', async () => {
  await post('registered-models/create', { name: 'sources' });
  await post('registered-models/create', { name: 'words', tags: [{ key: 'mlflow.prompt.is_prompt', value: 'true' }] });
  const statusOf = async (name: string, source: string) => {
    const tags = name === 'words' ? [{ key: 'mlflow.prompt.is_prompt', value: 'true' }] : [];
    return (await post('model-versions/create', { name, source, tags })).status;
  };
  for (const word of ['dummy-source', 'prompt-template']) {
    expect([word, await statusOf('words', word)]).toEqual([word, 200]);
    // These words are not locations of a model.
    expect([word, await statusOf('sources', word)]).toEqual([word, 400]);
  }
  const foreign = ['s3://mlflow/backups', 'file:///etc', '/etc', 'dummy-source/x', 'dummy-source\n', 'x dummy-source'];
  for (const source of [...foreign, 'prompt-template:s3://x', 'x\nmodels:/m/1', 's3://models:/m/1']) {
    for (const name of ['sources', 'words']) {
      expect([source, await statusOf(name, source)]).toEqual([source, 400]);
    }
  }
});

test.each(['/api', '/ajax-api'])('an experiment must be in the store of the server: %s', async (api) => {
  const create = async (name: string, body: object) => post('experiments/create', { name, ...body }, api);
  const elsewhere = ['file:///run/mlflow-metrics', '/tmp/x', 's3://other-bucket/x', 's3://mlflow/backups'];
  for (const location of [...elsewhere, 'mlflow-artifacts:/../backups', 'mlflow-artifacts:/%2e%2e/backups']) {
    for (const field of ['artifact_location', 'artifactLocation']) {
      const answer = await create('elsewhere', { [field]: location });
      expect([location, answer.status]).toEqual([location, 400]);
      expect(JSON.parse(answer.body)).toMatchObject({
        error_code: 'INVALID_PARAMETER_VALUE',
        message: expect.stringMatching(/^artifact_location is '.*'; expected none, or a folder/),
      });
    }
  }
  expect((await create(`plain ${api}`, {})).status).toBe(200);
  expect((await create(`named ${api}`, { artifact_location: 'mlflow-artifacts:/team-a' })).status).toBe(200);
});

test('a client that forces multipart transfers continues through the server', async () => {
  const insisting = {
    MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD: 'true',
    MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD: 'true',
    MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE: '1',
  };
  const said = await servers.python(['-c', FORCED_MULTIPART], insisting);
  expect(said.trim().split('\n').pop()).toBe('1000');
  const lines = await servers.proxy.log(1);
  expect(lines.filter(({ status }) => status === 501).map(({ uri }) => `${uri}`.split('/')[4])).toEqual([
    'mpu',
    'presigned',
  ]);
}, 900_000);
