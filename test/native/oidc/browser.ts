import { runInNewContext } from 'node:vm';
import { ask, Response } from '../nginx/client';

export interface Page extends Response {
  readonly url: string;
}

interface Cookie {
  readonly value: string;
  readonly path: string;
  /** As they arrived, in lower case and sorted, e.g. `httponly`. */
  readonly attributes: string[];
}

/** The platform's address. TLS ends in front of nginx. */
export const HOST = 'mlflow.example.com';
export const ORIGIN = `https://${HOST}`;

/**
 * A stand-in for a browser: it keeps cookies, follows redirects and runs the script of the login page. What it asks of
 * the platform goes to nginx by plain http, as from an Ingress; all else goes to its address.
 */
export class Browser {
  private readonly jars = new Map<string, Map<string, Cookie>>();
  /** Of one tab. */
  private readonly storage = new Map<string, string>();
  private requests = 0;

  /**
   * @param ports of nginx, by turns
   * @param localAddress the browser's own, as wrong logins are counted by address
   */
  constructor(
    private readonly ports: readonly number[],
    private readonly localAddress = '127.0.0.1',
  ) {}

  /** The platform's cookies, by name. */
  public cookies(origin = ORIGIN): Map<string, Cookie> {
    if (!this.jars.has(origin)) this.jars.set(origin, new Map());
    return this.jars.get(origin)!;
  }

  public cookieHeader(url = ORIGIN): string {
    const { origin, pathname } = new URL(url);
    return [...this.cookies(origin)]
      .filter(([, { path }]) => pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ');
  }

  /** A new tab in place of the old one: cookies stay, the tab's own storage does not. */
  public newTab(): void {
    this.storage.clear();
  }

  /** One request of a script of MLflow's page. */
  public async fetch(path: string, headers: Record<string, string> = {}, method = 'GET', body?: string): Promise<Page> {
    const own = { 'sec-fetch-mode': 'cors', 'sec-fetch-site': 'same-origin', accept: 'application/json' };
    return this.send(`${ORIGIN}${path}`, method, { ...own, ...headers }, body);
  }

  /** Opens a page and goes where redirects and the login page lead, until a page stays. */
  public async open(url: string, form?: Record<string, string>): Promise<Page> {
    let next = new URL(url, ORIGIN).href;
    let body = form && new URLSearchParams(form).toString();
    for (let hops = 0; hops < 20; hops++) {
      const page = await this.navigate(next, body);
      const target = page.headers.location ?? this.scriptTarget(page);
      if (target === undefined) return page;
      // A redirect without a fragment keeps the one of the address.
      const { hash } = new URL(next);
      next = new URL(target, next).href;
      if (page.headers.location && !next.includes('#')) next += hash;
      body = undefined;
    }
    throw new Error(`a loop: ${next}`);
  }

  /** One request as a link or the address bar makes it. */
  public async navigate(url: string, body?: string, headers: Record<string, string> = {}): Promise<Page> {
    const own = { 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'none', accept: 'text/html,*/*;q=0.8' };
    const form: Record<string, string> =
      body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
    return this.send(url, body === undefined ? 'GET' : 'POST', { ...own, ...form, ...headers }, body);
  }

  /** Opens a page without a session, fills in the provider's form, and goes on until a page stays. */
  public async logIn(account: string, path = '/'): Promise<Page> {
    const form = await this.open(path);
    if (!form.body.includes('name="account"')) {
      throw new Error(`no login form: ${form.status} ${form.url} ${form.body}`);
    }
    return this.open(form.url, { account });
  }

  /** Runs the scripts of a page. Returns where they lead. */
  public scriptTarget(page: Page): string | undefined {
    let target: string | undefined;
    if (!page.headers['content-type']?.startsWith('text/html')) return target;
    const { pathname, search, hash } = new URL(page.url);
    for (const [, script] of page.body.matchAll(/<script>(.*?)<\/script>/gs)) {
      runInNewContext(script, {
        location: { pathname, search, hash, replace: (url: string) => (target = url) },
        sessionStorage: {
          getItem: (key: string) => this.storage.get(key) ?? null,
          setItem: (key: string, value: string) => this.storage.set(key, value),
        },
      });
    }
    return target;
  }

  private async send(url: string, method: string, headers: Record<string, string>, body?: string): Promise<Page> {
    const { origin, host, port, pathname, search } = new URL(url);
    const cookie = this.cookieHeader(url);
    const platform = origin === ORIGIN;
    if (!platform && !host.startsWith('127.0.0.1:')) throw new Error(`the browser was led away to ${url}`);
    const answer = await ask({
      port: platform ? this.ports[this.requests++ % this.ports.length] : Number(port),
      path: `${pathname}${search}`,
      method,
      headers: {
        host,
        ...(platform ? { 'x-forwarded-proto': 'https' } : {}),
        ...(cookie ? { cookie } : {}),
        ...headers,
      },
      body,
      localAddress: this.localAddress,
    });
    for (const line of answer.headers['set-cookie'] ?? []) this.keep(origin, line);
    return { ...answer, url };
  }

  private keep(origin: string, line: string): void {
    const [pair, ...attributes] = line.split(/; */);
    const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
    const known = new Map(
      attributes.map((each) => each.split('=')).map(([key, text]) => [key.toLowerCase(), text] as const),
    );
    if (name.startsWith('__Host-') && (!known.has('secure') || known.get('path') !== '/' || known.has('domain'))) {
      throw new Error(`a browser does not take this cookie: ${line}`);
    }
    const age = known.get('max-age');
    const ends = age === undefined ? Date.parse(known.get('expires') ?? '9999-01-01') : Date.now() + Number(age) * 1000;
    if (ends <= Date.now()) {
      this.cookies(origin).delete(name);
    } else {
      const sorted = [...known.keys()].sort();
      this.cookies(origin).set(name, {
        value,
        path: known.get('path') ?? '/',
        attributes: sorted.map((key) => (known.get(key) === undefined ? key : `${key}=${known.get(key)}`)),
      });
    }
  }
}
