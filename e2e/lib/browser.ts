import { createHash, X509Certificate } from 'node:crypto';
import { accessSync, constants, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Browser as Chromium, BrowserContext, chromium, Page } from 'playwright-core';
import { Login } from './client';

/** CI keeps these files of the last run. */
export const SCREENSHOTS = join(__dirname, '..', 'output', 'screenshots');

const VISITS = 20;
const DISTURBED = 'net::ERR_NETWORK_CHANGED';

export interface Visit {
  readonly page: Page;
  /** Errors of the console and of scripts, and answers of the platform with a status of at least 400. */
  readonly errors: string[];
  /** URLs of requests to other hosts. */
  readonly elsewhere: string[];
}

/** A headless Chromium that resolves only the host names of the platforms. */
export class Browser {
  /**
   * @param hosts the platforms' host names, which resolve to this port of the machine
   * @param certificate PEM: the one certificate that is trusted
   */
  public static async start(hosts: string[], port: number, certificate: string): Promise<Browser> {
    const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
    rmSync(SCREENSHOTS, { recursive: true, force: true });
    const maps = hosts.map((host) => `MAP ${host}:443 127.0.0.1:${port}`);
    const program = await chromium.launch({
      executablePath: process.env.E2E_CHROMIUM ?? onPath('chromium'),
      args: [
        `--host-resolver-rules=${[...maps, 'MAP * ~NOTFOUND', 'EXCLUDE 127.0.0.1'].join(', ')}`,
        `--ignore-certificate-errors-spki-list=${createHash('sha256').update(key).digest('base64')}`,
        // With HTTP/2 one lost connection would abort all requests: see visit().
        '--disable-http2',
        '--disable-dev-shm-usage',
        // The sandbox does not work for root in a container, and the browser opens only the platform.
        '--no-sandbox',
      ],
    });
    return new Browser(
      program,
      hosts.map((host) => `https://${host}`),
    );
  }

  private constructor(
    private readonly program: Chromium,
    private readonly origins: string[],
  ) {}

  /**
   * Opens the platform with this login.
   *
   * Chromium aborts requests when a network interface of its machine is added or removed, which each pod of a one-node
   * cluster does. Then the visit is repeated.
   */
  public async visit(login: Login, look: (visit: Visit) => Promise<void>): Promise<Visit> {
    for (let times = 1; ; times++) {
      const context = await this.program.newContext({
        httpCredentials: login,
        viewport: { width: 1280, height: 900 },
      });
      const visit = await this.watch(context);
      const disturbed = new Promise<void>((resolve) => {
        visit.page.on('requestfailed', (request) => {
          if (request.failure()?.errorText === DISTURBED) resolve();
        });
      });
      try {
        await Promise.race([look(visit), disturbed]);
        if (!visit.errors.some((error) => error.includes(DISTURBED))) return visit;
      } catch (error) {
        await visit.page.screenshot({ path: join(SCREENSHOTS, 'failed.png') });
        const told = [error, ...visit.errors].join('\n');
        if (!told.includes(DISTURBED)) throw new Error(told);
      } finally {
        await context.close();
      }
      if (times === VISITS) {
        throw new Error(
          `${VISITS} visits were aborted by ${DISTURBED}; expected a machine whose network interfaces do not change`,
        );
      }
    }
  }

  public async stop(): Promise<void> {
    await this.program.close();
  }

  private async watch(context: BrowserContext): Promise<Visit> {
    mkdirSync(SCREENSHOTS, { recursive: true });
    const page = await context.newPage();
    const errors: string[] = [];
    const elsewhere: string[] = [];
    const own = (url: string) => /^(data|blob):/.test(url) || this.origins.includes(new URL(url).origin);
    page.on('request', (request) => own(request.url()) || elsewhere.push(request.url()));
    page.on('pageerror', (error) => errors.push(`script: ${error.message}`));
    page.on('response', (response) => {
      if (response.status() >= 400) errors.push(`${response.status()} ${response.url()}`);
    });
    page.on('requestfailed', (request) => {
      const error = request.failure()?.errorText;
      // A request that the page itself aborts is no error.
      if (error !== 'net::ERR_ABORTED' && own(request.url())) errors.push(`${error} ${request.url()}`);
    });
    page.on('console', (message) => {
      const { url } = message.location();
      if (message.type() === 'error' && (!url || own(url))) errors.push(`console: ${message.text()} ${url}`);
    });
    return { page, errors, elsewhere };
  }
}

function onPath(name: string): string {
  for (const folder of (process.env.PATH ?? '').split(':')) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {}
  }
  throw new Error(`no ${name} on the PATH; expected a Chromium. Install it, or set E2E_CHROMIUM to its path`);
}
