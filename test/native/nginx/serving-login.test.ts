// The nginx of a serving resolves the name of the tracking server, also after its address has changed.
import { ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSocket, Socket } from 'node:dgram';
import { chmodSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, Server } from 'node:http';
import { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, raw } from './client';
import { basic, until } from './proxy';
import { CertificateAuthority, RegisteredModel } from '../../../lib';
import { servingPlan } from '../../../lib/serving/serving-plan';
import { servingProxy, servingProxyConfiguration } from '../../../lib/serving/serving-proxy';

const SCRIPT = join(__dirname, '../../../runtime/nginx/serving_proxy.sh');
const NAME = 'mlflow-server.mlflow.svc.cluster.local';
const CLUSTER =
  'search ml-serving.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n';
const plan = servingPlan({ model: RegisteredModel.byAlias('churn', 'champion') }, {});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'serving-proxy-'));
  // As root, nginx runs its workers as another user.
  chmodSync(folder, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true }));

const put = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  chmodSync(join(folder, name), 0o755);
};

describe('the start script', () => {
  /** The file that the script writes with the arguments of the container. */
  const told = (url: string, resolv: string) => {
    put('resolv.conf', resolv);
    put('nginx', '#!/bin/sh\necho "nginx $*"\n');
    const [, , , , host, port] = servingProxy(plan, url, 'proxy').container.command!;
    const words = ['-e', SCRIPT, '/etc/nginx.conf', folder, host, port, join(folder, 'resolv.conf')];
    // The PATH has no other programs: the script may use only what sh has built in.
    const said = execFileSync('/bin/sh', words, { env: { PATH: folder }, encoding: 'utf8', stdio: 'pipe' });
    expect(said).toBe('nginx -c /etc/nginx.conf -g daemon off;\n');
    return readFileSync(join(folder, 'tracking.conf'), 'utf8');
  };

  test.each([
    ['a Service of another namespace', 'http://mlflow-server.mlflow.svc:5000', `${NAME}:5000`],
    ['a Service, without svc', 'http://mlflow-server.mlflow:5000', `${NAME}:5000`],
    ['a Service of its own namespace', 'http://mlflow-server:5000', 'mlflow-server.ml-serving.svc.cluster.local:5000'],
    ['a whole name', `http://${NAME}:5000`, `${NAME}:5000`],
    ['a name of the world', 'https://mlflow.example.com/mlflow', 'mlflow.example.com:443'],
    ['a short name of the world', 'https://example.com', 'example.com:443'],
  ])('%s', (_, url, address) => {
    expect(told(url, CLUSTER)).toBe(`resolver 10.96.0.10 valid=10s;\nset $tracking ${address};\n`);
  });

  test.each([
    ['IPv6 in brackets', 'nameserver fd00:10:96::a\nnameserver 10.96.0.10', '[fd00:10:96::a] 10.96.0.10'],
    ['no address with a zone', 'nameserver fe80::1%eth0\nnameserver 10.96.0.10\n', '10.96.0.10'],
    ['tabs and what follows', '# a comment\nnameserver\t10.96.0.10 # more\n', '10.96.0.10'],
  ])('%s', (_, resolv, servers) => {
    expect(told('https://mlflow.example.com', resolv)).toContain(`resolver ${servers} valid=10s;`);
  });

  test('supports another cluster domain', () => {
    const resolv = 'nameserver 10.0.0.1\nsearch a.svc.corp.example svc.corp.example corp.example example\n';
    expect(told('http://mlflow-server.mlflow.svc:5000', resolv)).toContain(
      'mlflow-server.mlflow.svc.corp.example:5000',
    );
  });

  test('fails without a nameserver, with the name of the file', () => {
    expect(() => told('http://mlflow-server:5000', 'search cluster.local\n')).toThrow(
      /resolv.conf: it has no nameserver/,
    );
  });
});

test('the start script makes one file of the authority and the public ones, and a port with TLS', () => {
  put('resolv.conf', CLUSTER);
  put('company.crt', 'the company');
  put('nginx', '#!/bin/sh\n');
  const authority = CertificateAuthority.fromConfigMap('company-ca');
  const withTls = { ...plan, tlsSecretName: 'churn-serving-tls' };
  const [, , , , host, port, , , ssl] = servingProxy(withTls, 'https://mlflow:5000', 'proxy', authority).container
    .command!;
  const words = [
    SCRIPT,
    '/etc/nginx.conf',
    folder,
    host,
    port,
    join(folder, 'resolv.conf'),
    join(folder, 'company.crt'),
    ssl,
  ];
  execFileSync('/bin/sh', ['-e', ...words], { env: { PATH: folder }, stdio: 'pipe' });
  const trusted = readFileSync(join(folder, 'authorities.crt'), 'utf8');
  expect(trusted).toMatch(/(^|END CERTIFICATE-----\n)the company\n$/);
  expect(trusted.startsWith(readFileSync('/etc/ssl/certs/ca-certificates.crt', 'utf8').slice(0, 1000))).toBe(true);
  expect(readFileSync(join(folder, 'listen.conf'), 'utf8')).toMatch(/^listen 8081 ssl;\n(listen \[::\]:8081 ssl;\n)?$/);
});

describe('with a DNS server', () => {
  let dns: Socket;
  let address: string;
  let forwarded: string | string[] | undefined;
  let model: Server;
  let nginx: ChildProcess;
  let port: number;
  const servers: Server[] = [];

  const listen = async (server: Server, host: string, at = 0) => {
    servers.push(server);
    await new Promise<void>((done) => server.listen(at, host, done));
    return (server.address() as AddressInfo).port;
  };

  /** Answers queries for the one name with its present address, and no others. */
  const answer = (question: Buffer) => {
    let end = 12;
    const labels: string[] = [];
    for (let length = question[end]; length > 0; length = question[end]) {
      labels.push(question.toString('latin1', end + 1, end + 1 + length));
      end += length + 1;
    }
    const wantsV4 = question.readUInt16BE(end + 1) === 1;
    const known = labels.join('.') === NAME;
    const header = Buffer.from([
      question[0],
      question[1],
      0x81,
      known ? 0x80 : 0x83,
      0,
      1,
      0,
      known && wantsV4 ? 1 : 0,
      0,
      0,
      0,
      0,
    ]);
    const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, ...address.split('.').map(Number)];
    return Buffer.concat([header, question.subarray(12, end + 5), Buffer.from(known && wantsV4 ? record : [])]);
  };

  const tracking = () =>
    createServer(({ headers, url }, response) => {
      forwarded = headers['x-forwarded-for'];
      const right = headers.authorization === basic('me', 'right') && url === '/version';
      const status = headers.authorization === basic('me', 'once more') ? 429 : 401;
      response.writeHead(right ? 200 : status, right ? {} : { 'www-authenticate': 'Basic realm="MLflow"' }).end();
    });

  const start = async (trackingPort: number, modelPort: number, dnsPort: number) => {
    port = await listen(createServer(), '127.0.0.1');
    await new Promise((done) => servers.pop()!.close(done));
    const url = `http://mlflow-server.mlflow.svc:${trackingPort}`;
    const inFolder = (text: string) => text.replaceAll('/tmp/', `${folder}/`).replaceAll('8081', String(port));
    put('nginx.conf', inFolder(servingProxyConfiguration(plan, url, modelPort, {})));
    const nginxHere = join(folder, 'nginx');
    put('serving_proxy.sh', inFolder(readFileSync(SCRIPT, 'utf8')).replace('exec nginx', `exec ${nginxHere}`));
    put('resolv.conf', CLUSTER.replace('10.96.0.10', '127.0.0.1'));
    // The DNS server of a test cannot use port 53.
    put(
      'nginx',
      `#!/bin/sh\nsed -i 's/resolver 127.0.0.1/resolver 127.0.0.1:${dnsPort}/' ${folder}/tracking.conf\n` +
        `exec env PATH="$PATH:/usr/sbin:/usr/local/sbin" nginx -e stderr "$@"\n`,
    );
    const command = servingProxy(plan, url, 'proxy').container.command!;
    const words = [join(folder, 'serving_proxy.sh'), join(folder, 'nginx.conf'), folder, ...command.slice(4)];
    const outputs = ['stdout', 'stderr'].map((name) => openSync(join(folder, name), 'a'));
    nginx = spawn('sh', [...words, join(folder, 'resolv.conf')], { stdio: ['ignore', ...outputs] });
    outputs.forEach((output) => closeSync(output));
    for (const end = Date.now() + 20_000; ;) {
      const healthy = await ask({ port, path: '/health' }).catch(() => undefined);
      if (healthy?.status === 200) return;
      if (Date.now() > end) throw new Error(`nginx does not answer: ${readFileSync(join(folder, 'stderr'), 'utf8')}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  };

  beforeEach(async () => {
    address = '127.0.0.1';
    dns = createSocket('udp4', (question, from) => dns.send(answer(question), from.port, from.address));
    await new Promise<void>((done) => dns.bind(0, '127.0.0.1', done));
    model = createServer((_, response) => void response.end('predicted'));
    const trackingPort = await listen(tracking(), '127.0.0.1');
    await start(trackingPort, await listen(model, '127.0.0.1'), dns.address().port);
  });
  afterEach(async () => {
    const ended = new Promise((done) => nginx?.on('exit', done));
    nginx?.kill('SIGTERM');
    await ended;
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
    dns.close();
  });

  const predict = async (password = 'right') =>
    ask({ port, path: '/invocations', method: 'POST', body: '{}', headers: { authorization: basic('me', password) } });

  test('a login of the tracking server is accepted, also after the server’s address has changed', async () => {
    expect(await predict()).toMatchObject({ status: 200, body: 'predicted' });
    const { port: trackingPort } = servers[0].address() as AddressInfo;
    servers[0].closeAllConnections();
    await new Promise((done) => servers.shift()!.close(done));
    await listen(tracking(), '127.0.0.2', trackingPort);
    const away = await predict();
    expect(away).toMatchObject({ status: 503, headers: { 'content-type': 'application/json' } });
    expect(JSON.parse(away.body)).toMatchObject({ error_code: 'TEMPORARILY_UNAVAILABLE' });
    address = '127.0.0.2';
    let last = 0;
    void (async () => {
      while (last !== 200) {
        last = (await predict().catch(() => ({ status: 0 }))).status;
        await new Promise((done) => setTimeout(done, 200));
      }
    })();
    await until('the new address is found', () => last === 200, 30);
  });

  test("nginx's own answers have MLflow’s form", async () => {
    const wrong = await predict('wrong');
    expect(wrong).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Basic realm="MLflow"', 'content-type': 'application/json' },
    });
    expect(JSON.parse(wrong.body)).toMatchObject({ error_code: 'UNAUTHENTICATED' });
    const large = await ask({ port, method: 'POST', headers: { 'content-length': '99999999' } });
    expect(large.status).toBe(413);
    expect(JSON.parse(large.body)).toMatchObject({ error_code: 'BAD_REQUEST' });
    model.closeAllConnections();
    await new Promise((done) => model.close(done));
    servers.splice(servers.indexOf(model), 1);
    const dead = await predict();
    expect(dead.status).toBe(502);
    expect(JSON.parse(dead.body)).toMatchObject({ error_code: 'TEMPORARILY_UNAVAILABLE' });
  });

  test.each([
    ['a method that it refuses', 'TRACE /invocations HTTP/1.1', 405],
    ['an unknown transfer coding', 'POST /invocations HTTP/1.1\r\nTransfer-Encoding: gzip', 501],
    ['an unknown version of HTTP', 'GET /invocations HTTP/3.0', 505],
  ])("nginx's answer to %s has MLflow’s form", async (_, head, status) => {
    const said = await raw(port, `${head}\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    expect(said).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(JSON.parse(said.split('\r\n\r\n')[1])).toEqual({
      error_code: expect.stringMatching(/^[A-Z_]+$/),
      message: expect.any(String),
    });
  });

  test('the tracking server gets the address of a wrong password, and the caller the 429', async () => {
    expect((await predict('wrong')).status).toBe(401);
    expect(forwarded).toBe('127.0.0.1');
    const refused = await predict('once more');
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '5', 'content-type': 'application/json' } });
    expect(JSON.parse(refused.body)).toEqual({
      error_code: 'TEMPORARILY_UNAVAILABLE',
      message: expect.stringMatching(/^Too many wrong passwords /),
    });
    expect((await predict()).headers['retry-after']).toBeUndefined();
  });

  test('nginx also listens on IPv6', async () => {
    const status = await new Promise<number>((resolve, reject) => {
      request({ host: '::1', port, path: '/health' }, (response: any) => resolve(response.statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });
});
