/** The same error with the name of where it arose before its message. What is no Error may be a secret, and is not repeated. */
export function namedError(where: string, thrown: unknown): Error {
  if (!(thrown instanceof Error)) return new TypeError(`${where}: cannot be parsed`);
  thrown.message = `${where}: ${thrown.message}`;
  return thrown;
}

/** An error that can be logged: its message alone, without anything that reads like a secret. */
export function shownError(thrown: unknown): Error {
  const message = thrown instanceof Error ? thrown.message : 'cannot be read';
  return new Error(message.replace(/(?:csk|ckek)_[A-Za-z0-9_-]*/g, '[secret]'));
}
