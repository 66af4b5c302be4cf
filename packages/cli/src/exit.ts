/** What the process ends with. */
export const EXIT = { done: 0, refused: 1, usage: 2, unavailable: 3 } as const;

/** An end that is told to the caller in one line: what happened, where, what to do. */
export class CliError extends Error {
  constructor(
    readonly exitCode: (typeof EXIT)['usage' | 'unavailable'],
    message: string,
  ) {
    super(message);
  }
}

/** The call itself is wrong. */
export function usage(message: string): CliError {
  return new CliError(EXIT.usage, message);
}

/** Something the command needs cannot be had: a file, a port, a program. */
export function unavailable(message: string): CliError {
  return new CliError(EXIT.unavailable, message);
}

/**
 * Runs something that throws TypeError or RangeError on bad options, as the libraries do, and makes that a usage error.
 *
 * @param rename - turns the option of the library into the words of the command line
 */
export function asUsage<T>(action: () => T, rename: (message: string) => string = (m) => m): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError)
      throw usage(rename(error.message));
    throw error;
  }
}

/** The system's word for why a file or a port cannot be had, such as `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}
