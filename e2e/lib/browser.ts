import { createHash, X509Certificate } from 'node:crypto';
import { accessSync, constants, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Browser as Chromium, BrowserContext, chromium, Page } from 'playwright-core';
import { Login } from './client';

/** CI keeps what lies here, of the last run. */
export const SCREENSHOTS = join(__dirname, '..', 'output', 'screenshots');

const VISITS = 20;
const DISTURBED = 'net::ERR_NETWORK_CHANGED';

export interface Visit {
  readonly page: Page;
  /** Errors of the console and of scripts, and answers of the platform from 400 on. */
  readonly errors: string[];
  /** What was asked of other hosts. */
  readonly elsewhere: string[];
}

/** A Chromium without a window, for which the platforms are the whole internet. */
export class Browser {
  /**
   * @param hosts the platforms' host names, which lead to this port of the machine
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
        // One connection for all would be dropped with all that is under way: see visit().
        '--disable-http2',
        '--disable-dev-shm-usage',
        // A container's root has no sandbox; nothing but the platform is opened.
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
   * Looks at the platform as somebody who gives this login to the browser's box.
   *
   * Chromium drops what is under way when a network interface of its machine comes or goes, as one does with each pod of
   * a one-node cluster: then the visit is made again.
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
      if (times === VISITS) throw new Error('the network of this machine does not come to rest');
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
      // What a page gives up by itself is none.
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
  throw new Error(`no ${name} on the PATH: install it, or say in E2E_CHROMIUM where a Chromium is`);
}
