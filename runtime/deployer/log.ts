import { Failure, SetupError } from '../kubernetes/failure';

/** Words and numbers about models and Deployments: no caller has a reason to pass a secret. */
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

export type Log = (level: 'info' | 'warn' | 'error', message: string, fields?: Fields) => void;

/** A line of JSON. */
export const log: Log = (level, message, fields = {}) => {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`);
};

/** Our own words for what was foreseen. Any other message might quote anything: its place in the program has to do. */
export function explainError(error: unknown): string {
  if (error instanceof Failure || error instanceof SetupError) return error.message;
  const { name = 'unknown', stack = '' } = (error ?? {}) as Partial<Error>;
  const frames = stack.split('\n').filter((each) => each.startsWith('    at '));
  return `internal error ${name}${frames.slice(0, 8).join('')}`;
}
