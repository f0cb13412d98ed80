/** A model version; `created` (milliseconds) tells two of the same number apart, where the registry gave it. */
export interface Version {
  readonly version: string;
  readonly created?: number;
}

/** All that is remembered about a Deployment: in an annotation on it, so that a restart finds it. */
export interface State extends Version {
  /** Of this version: under way, up in full, or not come up with nothing better to go back to. */
  readonly phase: 'rolling' | 'serving' | 'failed';
  /** Since when this phase, ISO 8601. */
  readonly since: string;
  /** The last version that was up in full. */
  readonly good?: Version;
  /** What is wanted and did not come up. */
  readonly failed?: Failed;
  /** Tags that the registry still has to get, by version. */
  readonly tags?: Readonly<Record<string, Tag>>;
}

export interface Failed extends Version {
  readonly reason: string;
  /** Where the pods said that what held them up may pass: how often it was tried, and when it last failed. */
  readonly tried?: { readonly times: number; readonly at: string };
}

export interface Tag {
  readonly outcome: string;
  readonly at: string;
}

export const versionNumber = /^[1-9]\d{0,17}$/;

/** Whether the two are the same as far as is known. */
export function same(one: Version, other: Version): boolean {
  const unknown = one.created === undefined || other.created === undefined;
  return one.version === other.version && (unknown || one.created === other.created);
}

export const versionOf = ({ version, created }: Version): Version => ({
  version,
  ...(created !== undefined && { created }),
});

/** The annotation's text; keys without a value are left out. */
export const writeState = (state: State): string => JSON.stringify(state);

/** Undefined if the text is no state: another program wrote it, or it is empty. */
export function readState(text: unknown): State | undefined {
  let state: Record<string, any> | null;
  try {
    state = JSON.parse(String(text));
  } catch {
    return undefined;
  }
  const right =
    isVersion(state) &&
    ['rolling', 'serving', 'failed'].includes(state.phase) &&
    isTime(state.since) &&
    (state.good === undefined || isVersion(state.good)) &&
    (state.failed === undefined || isFailed(state.failed)) &&
    (state.tags === undefined || isTags(state.tags));
  return right ? (state as unknown as State) : undefined;
}

function isVersion(value: any): value is Record<string, any> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const created = value.created === undefined || Number.isSafeInteger(value.created);
  return created && typeof value.version === 'string' && versionNumber.test(value.version);
}

function isFailed(value: any): boolean {
  if (!isVersion(value) || typeof value.reason !== 'string') return false;
  const { tried } = value;
  return tried === undefined || (Number.isSafeInteger(tried?.times) && isTime(tried.at));
}

function isTags(value: any): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const isTag = (tag: any) => typeof tag?.outcome === 'string' && isTime(tag.at);
  return Object.entries(value).every(([version, tag]) => versionNumber.test(version) && isTag(tag));
}

const isTime = (value: unknown) => typeof value === 'string' && !Number.isNaN(Date.parse(value));
