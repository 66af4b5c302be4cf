/** A stream from before Node's streams could be iterated over, such as a form of the `form-data` package. */
export interface OldStream {
  on(event: string, listener: (value: never) => void): unknown;
  pipe(...args: readonly never[]): unknown;
  resume(): unknown;
  destroy?(): unknown;
}

/** A form of the `form-data` package, whose type has the boundary. */
export interface OldForm extends OldStream {
  getHeaders(): Readonly<Record<string, string>>;
}

export function isOldStream(value: unknown): value is OldStream {
  const { pipe, on, resume } = (value ?? {}) as Partial<OldStream>;
  const isStream = [pipe, on, resume].every((method) => typeof method === 'function');
  return isStream && !(Symbol.asyncIterator in (value as object));
}

export function isOldForm(value: unknown): value is OldForm {
  return isOldStream(value) && typeof (value as Partial<OldForm>).getHeaders === 'function';
}

/** What such a stream gives, to iterate over; the one who reads bounds how much that is. */
export async function* piecesOfOldStream(stream: OldStream): AsyncGenerator<Uint8Array | string> {
  const pieces: (Uint8Array | string)[] = [];
  let [ended, failure]: [boolean, unknown] = [false, undefined];
  let wake = () => {};
  stream.on('data', (piece) => {
    pieces.push(piece);
    wake();
  });
  stream.on('end', () => {
    ended = true;
    wake();
  });
  stream.on('error', (error) => {
    failure = error;
    wake();
  });
  stream.resume();
  try {
    for (;;) {
      if (failure !== undefined) throw failure;
      const piece = pieces.shift();
      if (piece !== undefined) yield piece;
      else if (ended) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    if (!ended) stream.destroy?.();
  }
}
