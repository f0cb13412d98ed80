/** What a Secret contains, without a value. */
export interface SecretFacts {
  readonly name: string;
  readonly namespace: string;
  readonly type: string;
  readonly keys: Readonly<Record<string, KeyFacts>>;
  /** Of a Secret with the key `tls.crt`. */
  readonly certificate?: CertificateFacts;
}

export interface KeyFacts {
  readonly blank: boolean;
  /** It has a line `user:hash`, as an htpasswd file. */
  readonly htpasswd: boolean;
  /** It is a key of 32 bytes in base64, as Fernet takes it. */
  readonly fernet: boolean;
}

/** What is public of a certificate. */
export interface CertificateFacts {
  readonly readable: boolean;
  /** ISO 8601. */
  readonly notAfter?: string;
  /** Names of the key `tls.crt` for which the certificate holds, among the hosts that were asked for. */
  readonly covers: readonly string[];
}

/** An answer of the running server. */
export interface Answer {
  /** HTTP status, or undefined if there was none. */
  readonly status?: number;
  /** Why there was none. */
  readonly error?: string;
}

/** Answers of a tracking server that a port-forward reached. */
export interface Probe {
  readonly namespace: string;
  readonly server: string;
  /** A request without a login. */
  readonly anonymous: Answer;
  /** With `--login`: the Secret, and the answer to its user. */
  readonly login?: { readonly secret: string; readonly answer: Answer };
  /** With `--write`: what failed, or nothing. */
  readonly write?: { readonly failed?: string };
  /** With `--login`: of each `<model>@<alias>` the version, or undefined if the alias is not set. */
  readonly aliases: Readonly<Record<string, string | undefined>>;
}

/** All that the checks look at, read once. */
export interface Snapshot {
  /** The namespace of the platform. */
  readonly namespace: string;
  /** Milliseconds since 1970, by this machine. */
  readonly now: number;
  /** Objects by kind, of the platform's namespace and of those of its servings. */
  readonly objects: Readonly<Record<string, readonly any[]>>;
  /** The kinds that were read. A kind that is not here is unknown, not absent. */
  readonly seen: ReadonlySet<string>;
  readonly secrets: readonly SecretFacts[];
  /** The last line of a container's log, by `namespace/pod/container`. */
  readonly logs: Readonly<Record<string, string>>;
  readonly probes: readonly Probe[];
  /** What could not be read, and why: sentences. */
  readonly notSeen: readonly string[];
}

export function all(snapshot: Snapshot, ...kinds: string[]): any[] {
  return kinds.flatMap((kind) => snapshot.objects[kind] ?? []);
}

export function find(snapshot: Snapshot, kind: string, namespace: string, name: string): any {
  return all(snapshot, kind).find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
}

/** As kubectl writes it. */
export function title(object: any): string {
  return `${object.kind.toLowerCase()}/${object.metadata.name}`;
}

const LABEL = 'app.kubernetes.io/part-of';

/** Whether this library has made the object. */
export const isOurs = (object: any) => object.metadata?.labels?.[LABEL] === 'mlflow';

export const ageSeconds = ({ now }: Snapshot, time: string | undefined) =>
  time === undefined ? 0 : Math.max(0, (now - Date.parse(time)) / 1000);
