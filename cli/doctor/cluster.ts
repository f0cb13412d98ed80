import { request as http } from 'http';
import { request as https, RequestOptions } from 'https';
import { createServer, Socket } from 'net';
import type { KubeConfig } from './kube.mjs' with { 'resolution-mode': 'import' };

export interface ClusterOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
}

export interface Reply {
  readonly status: number;
  readonly text: string;
}

/** A port of a pod on this machine. */
export interface Forward {
  readonly port: number;
  /** Why the last connection did not reach the pod. */
  failure(): string | undefined;
  stop(): void;
}

/** The API server as kubectl's configuration describes it. All requests are GET, except for the port-forward. */
export interface Cluster {
  /** Of the option, or of the context. */
  readonly namespace: string;
  get(path: string): Promise<Reply>;
  forward(namespace: string, pod: string, port: number): Promise<Forward>;
}

/** Milliseconds for one answer of the API server. */
const TIMEOUT = 30_000;

/** Connects by `--kubeconfig`, else `KUBECONFIG`, else `~/.kube/config`, as kubectl does. */
export async function connect({ kubeconfig, context, namespace }: ClusterOptions): Promise<Cluster> {
  // Only here: it takes half of the time that the command needs to start.
  const { KubeConfig, PortForward } = await import('./kube.mjs');
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(kubeconfig);
  if (context !== undefined) {
    if (!config.getContextObject(context)) {
      const names = config.getContexts().map(({ name }) => name);
      throw new Error(
        `--context is '${context}'; expected one of the configuration: ${names.join(', ') || 'it has none'}`,
      );
    }
    config.setCurrentContext(context);
  }
  if (!config.getCurrentCluster()) {
    throw new Error(
      "kubectl's configuration names no cluster; expected a file with a current context. Is KUBECONFIG set?",
    );
  }
  const forwarder = new PortForward(config, true);
  return {
    namespace: namespace ?? config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    get: (path) => get(config, path),
    forward: (space, pod, port) =>
      listen(async (socket) => {
        const connection = await forwarder.portForward(space, pod, [port], socket, null, socket);
        const end = () => (connection as { close(): void }).close();
        socket.once('close', end);
      }),
  };
}

async function get(config: KubeConfig, path: string): Promise<Reply> {
  const server = config.getCurrentCluster()!.server.replace(/\/$/, '');
  const url = new URL(`${server}${path}`);
  const options: RequestOptions = { headers: { accept: 'application/json' } };
  await config.applyToHTTPSOptions(options);
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'http:' ? http : https)(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    request.setTimeout(TIMEOUT, () => request.destroy(new Error(`no answer within ${TIMEOUT / 1000} s`)));
    request.on('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(`${server}: ${error.message || error.code}; expected an answer of the API server`)),
    );
    request.end();
  });
}

/** Gives each connection to a free port of this machine to `pipe`. */
function listen(pipe: (socket: Socket) => Promise<void>): Promise<Forward> {
  const sockets = new Set<Socket>();
  let failure: string | undefined;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
    pipe(socket).catch((error) => {
      // Of the client's web socket, e.g. "Unexpected server response: 403".
      failure = error?.message ?? String(error);
      socket.destroy();
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      const stop = () => {
        server.close();
        for (const socket of sockets) socket.destroy();
      };
      resolve({ port, stop, failure: () => failure });
    });
  });
}
