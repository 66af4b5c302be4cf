/** What a refusal says, as far as the server discloses it. */
export interface RefusalDocument {
  /** Stable code such as `nonce_replayed`. */
  readonly code: string;
  /** What happened and what to do. */
  readonly advice: string;
  /** The text the server built, if it discloses that (for development). */
  readonly stringToSign: string | undefined;
}

/** The server refused the request. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  /** Stable code such as `nonce_replayed`. */
  readonly code: string;
  readonly status: number;
  /** What happened and what to do. */
  readonly advice: string;
  /** The text that was signed, and that of the server, if it discloses that: the first line that differs is the fault. */
  readonly stringToSign: { readonly client: string; readonly server: string | undefined };

  constructor(
    status: number,
    { code, advice, stringToSign }: RefusalDocument,
    signed: string,
    options?: ErrorOptions,
  ) {
    super(`The request was refused with ${status} ${code}: ${advice}`, options);
    this.code = code;
    this.status = status;
    this.advice = advice;
    this.stringToSign = { client: signed, server: stringToSign };
  }
}

/**
 * Reads the answer to a refused request.
 *
 * @param contentType - value of its Content-Type field
 * @returns `undefined` if it is something else, such as a 404 of the application
 */
export function readRefusal(
  contentType: string | null | undefined,
  body: string,
): RefusalDocument | undefined {
  if (!contentType?.startsWith('application/problem+json')) return undefined;
  try {
    const { type, code, detail, stringToSign } = JSON.parse(body) as Record<string, unknown>;
    if (typeof code !== 'string' || type !== `urn:countersign:refusal:${code}`) return undefined;
    return {
      code,
      advice: typeof detail === 'string' ? detail : '',
      stringToSign: typeof stringToSign === 'string' ? stringToSign : undefined,
    };
  } catch {
    return undefined;
  }
}
