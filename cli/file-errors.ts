/**
 * Runs `work`, which uses a file or folder. An error of the operating system gets the form of all other messages,
 * `path: what was given; what is expected`.
 */
export function withPath<T>(path: string, expected: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException;
    if (!code || !syscall) throw error;
    // Node.js writes `EACCES: permission denied, mkdir '/x'`.
    const reason = /^\w+: ([^,]+)/.exec(message)?.[1] ?? message;
    throw new Error(`${path || "''"}: ${reason} (${code}); expected ${expected}`, { cause: error });
  }
}
