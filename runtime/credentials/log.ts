/** Names and outcomes only: no caller has a reason to pass a value. */
export type Fields = Readonly<Record<string, string>>;

export type Log = (level: 'info' | 'warn' | 'error', fields: Fields) => void;

/** logfmt: `level=info secret=mlflow-postgres-secret result=created`. @internal for tests */
export function line(level: string, fields: Fields): string {
  return Object.entries({ level, ...fields })
    .map(([name, text]) => `${name}=${/^[\w.,/-]+$/.test(text) ? text : JSON.stringify(text)}`)
    .join(' ');
}

export const log: Log = (level, fields) => {
  (level === 'info' ? process.stdout : process.stderr).write(`${line(level, fields)}\n`);
};
