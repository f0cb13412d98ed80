// Permissions with single sign-on: the real MLflow behind the real nginx and OAuth2 Proxy, and a provider.
import { Servers } from './servers';
import { basic } from '../nginx/proxy';
import { Browser } from '../oidc/browser';
import { Pod, Provider } from '../oidc/harness';

const EXPERIMENTS = '/ajax-api/2.0/mlflow/experiments';
const USERS = '/ajax-api/2.0/mlflow/users';
const JSON_BODY = { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' };

let servers: Servers;
let provider: Provider;
let pod: Pod;
const account = async (name: string, ...groups: string[]) =>
  provider.account(name, { email: `${name}@example.com`, email_verified: true, groups });

beforeAll(async () => {
  [servers, provider] = await Promise.all([Servers.of('permissions', {}), Provider.start()]);
  const login = { adminGroups: ['ml-admins'], emailDomains: [] };
  pod = await Pod.start({ port: servers.ours }, provider, { login });
}, 900_000);
afterAll(async () => {
  await pod?.stop();
  await provider?.program.stop();
  await servers?.stop();
});

class Person {
  static async loggedIn(name: string): Promise<Person> {
    const browser = pod.browser();
    await browser.logIn(name);
    return new Person(name, browser);
  }

  private constructor(
    readonly name: string,
    private readonly browser: Browser,
  ) {}

  public async send(path: string, body?: object, method = body ? 'POST' : 'GET'): Promise<[number, any]> {
    const answer = await this.browser.fetch(path, JSON_BODY, method, body && JSON.stringify(body));
    const isJson = answer.headers['content-type']?.includes('json');
    return [answer.status, isJson ? JSON.parse(answer.body) : answer.body];
  }

  public async status(path: string, body?: object, method?: string): Promise<number> {
    return (await this.send(path, body, method))[0];
  }

  public async current(): Promise<unknown> {
    return (await this.send(`${USERS}/current`))[1].user;
  }

  public async experiment(name: string): Promise<string> {
    const [status, { experiment_id: id }] = await this.send(`${EXPERIMENTS}/create`, { name });
    expect(status).toBe(200);
    return id;
  }
}

test('a person becomes a user of MLflow, and a member of the group of administrators an administrator', async () => {
  await account('ada', 'ml-people');
  await account('grace', 'ml-admins');
  expect(await (await Person.loggedIn('ada')).current()).toMatchObject({
    username: 'ada@example.com',
    is_admin: false,
  });
  const grace = await Person.loggedIn('grace');
  expect(await grace.current()).toMatchObject({ username: 'grace@example.com', is_admin: true });
  const [, { users }] = await grace.send(`${USERS}/list`);
  expect(users.map(({ username }: any) => username)).toEqual(
    expect.arrayContaining(['program:mlflow', 'ada@example.com', 'grace@example.com']),
  );
});

test('what is of one person, another can neither see nor change, until the owner permits it', async () => {
  await account('bob', 'ml-people');
  const [ada, bob] = [await Person.loggedIn('ada'), await Person.loggedIn('bob')];
  const id = await ada.experiment('of ada');
  await bob.current();
  const rename = { experiment_id: id, new_name: 'renamed' };
  expect(await bob.status(`${EXPERIMENTS}/get?experiment_id=${id}`)).toBe(403);
  expect(await bob.status(`${EXPERIMENTS}/update`, rename)).toBe(403);
  const grant = { username: 'bob@example.com', resource_type: 'experiment', resource_id: id, permission: 'EDIT' };
  expect(await bob.status('/ajax-api/3.0/mlflow/users/permissions/grant', grant)).toBe(403);
  expect(await ada.status('/ajax-api/3.0/mlflow/users/permissions/grant', grant)).toBe(200);
  expect(await bob.status(`${EXPERIMENTS}/update`, rename)).toBe(200);
  expect(await bob.status(`${EXPERIMENTS}/delete`, { experiment_id: id })).toBe(403);
});

test('who has left the group is no administrator with the next session, also one that was set in MLflow', async () => {
  await account('heidi', 'ml-admins');
  expect(await (await Person.loggedIn('heidi')).current()).toMatchObject({ is_admin: true });
  await account('heidi', 'ml-people');
  expect(await (await Person.loggedIn('heidi')).current()).toMatchObject({ is_admin: false });
  const grace = await Person.loggedIn('grace');
  const body = { username: 'heidi@example.com', is_admin: true };
  expect(await grace.status(`${USERS}/update-admin`, body, 'PATCH')).toBe(200);
  const heidi = await Person.loggedIn('heidi');
  expect(await heidi.status(`${USERS}/create`, { username: 'x', password: 'a long password' })).toBe(403);
});

test('who is in no group any more has no access', async () => {
  await account('ivan', 'ml-people');
  expect(await (await Person.loggedIn('ivan')).status(`${USERS}/current`)).toBe(200);
  await account('ivan', 'other');
  expect(await (await Person.loggedIn('ivan')).status(`${USERS}/current`)).toBe(403);
});

test('a person with the name of a program is another user, and gets none of its permissions', async () => {
  await provider.account('eve', { email: 'the-deployer', email_verified: true, groups: ['ml-people'] });
  await provider.account('mallory', { email: 'program:mlflow', email_verified: true, groups: ['ml-people'] });
  expect(await (await Person.loggedIn('eve')).current()).toMatchObject({ username: 'the-deployer', is_admin: false });
  const [status, answer] = await (await Person.loggedIn('mallory')).send(`${USERS}/current`);
  expect([status, answer.error_code]).toEqual([403, 'PERMISSION_DENIED']);
});

test('a program does what its role allows, whatever the owner has permitted', async () => {
  const ada = await Person.loggedIn('ada');
  expect(await ada.status('/ajax-api/2.0/mlflow/registered-models/create', { name: 'churn' })).toBe(200);
  const headers = { authorization: basic('the-deployer', 'the-deployer-secret') };
  const found = await pod.ask('/api/2.0/mlflow/registered-models/get?name=churn', headers);
  expect([found.status, JSON.parse(found.body).registered_model.name]).toEqual([200, 'churn']);
  expect((await pod.ask(`/api/2.0/mlflow/users/list`, headers)).status).toBe(403);
});

test('a password that an administrator sets is worth nothing', async () => {
  const grace = await Person.loggedIn('grace');
  const made = { username: 'made', password: 'a long password' };
  expect(await grace.status(`${USERS}/create`, made)).toBe(200);
  const headers = { authorization: basic(made.username, made.password), 'x-proxy-login': 'person:made' };
  for (const path of ['/api/2.0/mlflow/users/current', '/v1/traces', '/gateway/x', '/graphql']) {
    expect([path, (await pod.ask(path, headers, 'POST', '{}')).status]).toEqual([path, 401]);
  }
});
