import type { Answer } from './http';

const longestMessage = 400;

/** The API server's own words on one line, if it gave any, without a trace of what must not be shown. */
export function explain(answer: Answer, confidential: readonly string[] = []): string {
  const body = answer.body as { kind?: unknown; message?: unknown } | null | undefined;
  if (body?.kind !== 'Status' || typeof body.message !== 'string') return `HTTP ${answer.status}`;
  const message = redact(body.message, confidential)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .slice(0, longestMessage);
  return `HTTP ${answer.status}: ${message}`;
}

/** Admission webhooks may echo what they refuse: whole values, and also pieces of them, are struck out. */
export function redact(text: string, confidential: readonly string[]): string {
  return text.replace(/[\w+/=-]{8,}/g, (word) =>
    confidential.some((value) => value.includes(word) || word.includes(value)) ? '***' : word,
  );
}
