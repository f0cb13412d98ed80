import type { PlannedSecret } from './plan';

/** What the cluster holds. Values are forgotten as soon as it is known that they are there. */
export type Found =
  | { readonly state: 'absent' }
  | { readonly state: 'leaving' }
  | { readonly state: 'present'; readonly filled: readonly string[]; readonly blank: readonly string[] };

export type Decision =
  | { readonly action: 'create' }
  | { readonly action: 'wait' }
  | { readonly action: 'keep' }
  | { readonly action: 'complain'; readonly missing: readonly string[]; readonly blank: readonly string[] };

export function decide(planned: PlannedSecret, found: Found): Decision {
  if (found.state === 'absent') return { action: 'create' };
  if (found.state === 'leaving') return { action: 'wait' };
  const required = Object.keys(planned.keys).filter((key) => !planned.optional?.includes(key));
  const blank = required.filter((key) => found.blank.includes(key));
  const missing = required.filter((key) => !found.blank.includes(key) && !found.filled.includes(key));
  return blank.length + missing.length > 0 ? { action: 'complain', missing, blank } : { action: 'keep' };
}

/** Reads an API server's Secret; undefined when the answer is none. */
export function look(body: unknown, name: string): Found | undefined {
  const secret = body as { kind?: unknown; metadata?: Record<string, unknown>; data?: unknown } | null | undefined;
  if (secret?.kind !== 'Secret' || secret.metadata?.name !== name) return undefined;
  if (secret.metadata.deletionTimestamp) return { state: 'leaving' };
  const data = Object.entries(secret.data ?? {});
  // A lone line break, the usual slip of `echo | base64`, is as good as nothing.
  const isFilled = ([, value]: [string, unknown]) =>
    typeof value === 'string' && Buffer.from(value, 'base64').toString('latin1').trim() !== '';
  return {
    state: 'present',
    filled: data.filter(isFilled).map(([key]) => key),
    blank: data.filter((entry) => !isFilled(entry)).map(([key]) => key),
  };
}

/** What is wrong with an existing Secret and what to do, in plain words. */
export function complaint(
  planned: PlannedSecret,
  namespace: string,
  { missing, blank }: { readonly missing: readonly string[]; readonly blank: readonly string[] },
): string {
  const faults = [
    ...(missing.length > 0 ? [`lacks ${missing.join(', ')}`] : []),
    ...(blank.length > 0 ? [`has nothing in ${blank.join(', ')}`] : []),
  ];
  const at = `-n ${namespace} secret ${planned.name}`;
  return (
    `Secret ${planned.name} in namespace ${namespace} exists but ${faults.join(' and ')}; nothing was changed. ` +
    `Fill them in (kubectl edit ${at}) or, only if nothing uses this Secret yet, ` +
    `delete it (kubectl delete ${at}), then run the Job again: delete it and apply the YAML once more.`
  );
}
