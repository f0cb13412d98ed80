import { Manifest, PodTemplate, containers, podTemplates, title, walkStrings } from '../manifests';

/** Names of secret values. An access key id is half of a secret. */
const SECRET_NAME =
  /(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|PRIVATE_?KEY|API_?KEY|ACCESS_?KEY|(^|_)PASS$|(^|_)KEY$)/i;

/** Endings of names whose value is not the secret, but e.g. its path, name or size. */
const ABOUT_SECRET =
  /(FILE|FILES|PATH|DIR|DIRECTORY|NAME|NAMES|URL|URI|ENDPOINT|HEADER|TTL|SECONDS|MINUTES|LENGTH|SIZE|COUNT|AGE|TYPE|METHOD|ENABLED|_REF)$/i;

/** Files of programs and their settings: their text mentions passwords, but contains none. */
const PROGRAM = /\.(c?js|mjs|ts|py|conf|tmpl|template|lua|sql|rules|html?)$/i;

/** Files that are lists of names and values. */
const SETTINGS = /\.(ini|cfg|env|properties|toml|ya?ml)$/i;

const URL_CREDENTIALS = /\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@'"`]*:([^\s/@'"`]+)@/gi;

/** Forms of secrets that no text may contain. */
const GIVEAWAYS: [RegExp, string][] = [
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/, 'a private key'],
  [/\b(AKIA|ASIA)[0-9A-Z]{16}\b/, 'an AWS access key'],
  [/\b(gh[pousr]_[A-Za-z0-9]{30,}|xox[abprs]-[A-Za-z0-9-]{10,}|glpat-[\w-]{20,})/, 'an access token'],
  [/\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/, 'a JSON web token'],
];

/** `password = "literal"` in a program or a shell line. */
const ASSIGNED =
  /\b([\w.-]*(?:password|passwd|passphrase|secret|token|api_?key|access_?key)[\w-]*)["']?\s*[:=]\s*(["'])([^"'\n]{4,})\2/gi;

/** A line `admin_password = literal`. */
const SETTING = /^[ \t-]*["']?([\w.-]+)["']?[ \t]*[=:][ \t]*["']?([^\s"'#|>][^"'#\n]*)/gm;

/** `--password=literal`, `PGPASSWORD=literal` in a command line. */
const ON_COMMAND_LINE = /(?:^|[\s;&|])-{0,2}([A-Za-z][\w-]*)=["']?([^\s"';&|]+)/g;

/** No output contains the value of a secret. */
export function secrets(objects: Manifest[]): string[] {
  const found = objects.flatMap((object) => [
    ...dataFindings(object),
    ...textFindings(object),
    ...annotationFindings(object),
    ...configFindings(object),
  ]);
  return [...found, ...podTemplates(objects).flatMap(podFindings)];
}

function dataFindings(object: Manifest): string[] {
  if (object.kind !== 'Secret') return [];
  const keys = Object.keys({ ...object.data, ...object.stringData });
  return keys.length > 0
    ? [`${title(object)}: has values for ${keys.join(', ')}, must have none in rendered YAML`]
    : [];
}

/** Checks every string of every object. */
function textFindings(object: Manifest): string[] {
  const found: string[] = [];
  walkStrings(object, (text, path) => {
    const at = `${title(object)} ${path.join('.')}`;
    for (const [, password] of text.matchAll(URL_CREDENTIALS)) {
      if (!isPlaceholder(password)) found.push(`${at}: has a URL with a password in it, must read it from a Secret`);
    }
    for (const [form, what] of GIVEAWAYS) if (form.test(text)) found.push(`${at}: has ${what} in it`);
  });
  return found;
}

function annotationFindings(object: Manifest): string[] {
  const templates = podTemplates([object]).map(({ metadata }) => metadata.annotations);
  return [object.metadata?.annotations, ...templates].flatMap((annotations) =>
    Object.entries(annotations ?? {}).flatMap(([key, value]) => {
      // Hashes look like keys, but are allowed.
      const isHash = /hash|checksum|digest|revision/i.test(key);
      // `nginx.ingress.kubernetes.io/auth-secret: users` names a Secret.
      const isReference = /secret$/i.test(key) && /^[a-z0-9][-a-z0-9./]*$/.test(value);
      return isHash || isReference
        ? []
        : literalFindings(`${title(object)} annotation ${key}`, key.split('/').pop()!, value);
    }),
  );
}

function configFindings(object: Manifest): string[] {
  if (object.kind !== 'ConfigMap') return [];
  return Object.entries<string>(object.data ?? {}).flatMap(([key, value]) => {
    const at = `${title(object)} data.${key}`;
    if (key.endsWith('.json')) return jsonFindings(at, value);
    if (SETTINGS.test(key)) return [...programFindings(at, value), ...lineFindings(at, value, SETTING)];
    if (key.endsWith('.sh')) return [...programFindings(at, value), ...lineFindings(at, value, ON_COMMAND_LINE)];
    if (PROGRAM.test(key) || value.includes('\n')) return programFindings(at, value);
    return literalFindings(at, key, value);
  });
}

/** Checks a JSON document by the names of its fields. `{"password": {"value": …}}` is a literal password too. */
function jsonFindings(at: string, text: string): string[] {
  const found: string[] = [];
  walkStrings(JSON.parse(text), (value, path) => {
    const [parent = '', name = ''] = path.slice(-2).length === 2 ? path.slice(-2) : ['', ...path];
    // In a plan of generated Secrets, the fields of `htpasswd` and of random keys name other keys.
    if (path[0] === 'secrets' && name !== 'value') return;
    found.push(...literalFindings(`${at} ${path.join('.')}`, name === 'value' ? parent : name, value));
  });
  return found;
}

function programFindings(at: string, text: string): string[] {
  return [...text.matchAll(ASSIGNED)]
    .filter(([, name]) => !ABOUT_SECRET.test(name))
    .filter(([, , , literal]) => !isPlaceholder(literal) && /^[!-~]+$/.test(literal) && !isName(literal))
    .map(([, name]) => `${at}: ${name} has a literal value, must be read from a file`);
}

function lineFindings(at: string, text: string, form: RegExp): string[] {
  return [...text.matchAll(form)].flatMap(([, name, value]) =>
    literalFindings(`${at} ${name}`, name.replace(/-/g, '_'), value.trim()),
  );
}

function podFindings(template: PodTemplate): string[] {
  return containers(template).flatMap(({ container, at }) => [
    ...(container.env ?? [])
      .filter((variable: any) => typeof variable.value === 'string')
      .flatMap(({ name, value }: any) => literalFindings(`${at} env ${name}`, name, value)),
    ...argumentFindings(at, [...(container.command ?? []), ...(container.args ?? [])]),
  ]);
}

function argumentFindings(at: string, words: string[]): string[] {
  return words.flatMap((word, index) => {
    const found: string[] = programFindings(`${at} argument ${index}`, word);
    found.push(...lineFindings(`${at} argument ${index}`, word, ON_COMMAND_LINE));
    const flag = /^--?([\w-]+)$/.exec(word)?.[1];
    const next = words[index + 1];
    if (flag && next !== undefined && !next.startsWith('-')) {
      found.push(...literalFindings(`${at} argument ${index} (--${flag})`, flag.replace(/-/g, '_'), next));
    }
    return [...found, ...entropyFindings(`${at} argument ${index}`, word)];
  });
}

/** A value is a secret if it has the name of one, or looks random. */
function literalFindings(at: string, name: string, value: string): string[] {
  const snake = name.replace(/([a-z])([A-Z])/g, '$1_$2').replace(/[-.]/g, '_');
  const says = SECRET_NAME.test(snake) && !ABOUT_SECRET.test(snake);
  if (says && !isPlaceholder(value) && !isNameOfKey(snake, value)) {
    return [`${at}: has a literal value, must come from a Secret (secretKeyRef or a mounted file)`];
  }
  return entropyFindings(at, value);
}

function entropyFindings(at: string, text: string): string[] {
  return text
    .replace(/@sha256:[0-9a-f]{64}/g, '')
    .split(/[^A-Za-z0-9+/=]+/)
    .filter((word) => looksRandom(word))
    .map((word) => `${at}: ${word.slice(0, 6)}… looks like a random secret, must come from a Secret`);
}

/** Long, with letters and digits, and not a path: as a generator writes it, but not a person. */
function looksRandom(word: string): boolean {
  if (word.length < 20 || word.split('/').length > 2) return false;
  if (/^[0-9a-f]+$/.test(word)) return word.length >= 32 && /[a-f]/.test(word) && /\d/.test(word);
  const digits = word.replace(/\D/g, '').length;
  return /[a-z]/.test(word) && /[A-Z]/.test(word) && digits >= 2 && entropy(word) > 3.6;
}

/** Shannon entropy in bits per character. */
function entropy(word: string): number {
  const counts = new Map<string, number>();
  for (const character of word) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()].reduce((sum, n) => sum - (n / word.length) * Math.log2(n / word.length), 0);
}

/** Texts that are not a secret value: a variable, a path, a template, a switch, an empty text. */
function isPlaceholder(value: string): boolean {
  return (
    value === '' || /^(\$|\/|%|<|\{|`|\*+$|\.\.\.|…|true$|false$|none$|null$)/i.test(value) || /\$[({]?\w/.test(value)
  );
}

/** In programs, `secret: "mlflow-postgres"` or `token = "access_token"` are names: words with separators, no digits. */
function isName(literal: string): boolean {
  return /^[A-Za-z]+([-_. ][A-Za-z]+)+$/.test(literal) && !/secure|pass/i.test(literal);
}

/** `PASSWORD_KEY=root-password` names a key of a Secret. */
function isNameOfKey(name: string, value: string): boolean {
  return (
    /(PASSWORD|USERNAME|USER|TOKEN|SECRET)_KEY$/i.test(name) &&
    !/FLASK|SERVER/i.test(name) &&
    /^[A-Za-z]+([-_.][A-Za-z]+)*$/.test(value)
  );
}
