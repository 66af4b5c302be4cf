/** What is wrong with a payload. These codes are the gateway's own, beside those of the protocol. */
export type PayloadCode =
  | 'content_type_not_allowed'
  | 'content_encoding_not_allowed'
  | 'payload_malformed'
  | 'payload_too_complex'
  | 'payload_forbidden';

/** Why a payload is refused. */
export interface PayloadFault {
  readonly code: PayloadCode;
  /** 415 for what the gateway does not look into, 422 for what it found. */
  readonly status: 415 | 422;
  /** One sentence for the caller, which quotes nothing of the body. */
  readonly detail: string;
}

/** An HTTP answer, for any server to send. */
export interface PayloadAnswer {
  readonly status: number;
  /** Names in their usual spelling. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body: string;
}

const TITLES: Readonly<Record<PayloadCode, string>> = {
  content_type_not_allowed: 'This content type is not taken here',
  content_encoding_not_allowed: 'An encoded body is not taken here',
  payload_malformed: 'The body is not what its content type says',
  payload_too_complex: 'The body is deeper, larger or longer than is taken here',
  payload_forbidden: 'The body has something that is not taken here',
};

const UNSUPPORTED: readonly PayloadCode[] = [
  'content_type_not_allowed',
  'content_encoding_not_allowed',
];

export function payloadFault(code: PayloadCode, detail: string): PayloadFault {
  return { code, status: UNSUPPORTED.includes(code) ? 415 : 422, detail };
}

/** The answer to a refused payload: `application/problem+json` (RFC 9457). */
export function answerPayloadFault({ code, status, detail }: PayloadFault): PayloadAnswer {
  const type = `urn:countersign:gateway:${code}`;
  const problem = { type, title: TITLES[code], status, detail, code };
  return {
    status,
    headers: { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' },
    body: `${JSON.stringify(problem)}\n`,
  };
}

/** Ends a parser, whose callbacks can say no otherwise. */
export class PayloadStop extends Error {
  constructor(readonly fault: PayloadFault) {
    super(fault.detail);
  }
}

/** Ends a parser with this fault. */
export function stop(code: PayloadCode, detail: string): never {
  throw new PayloadStop(payloadFault(code, detail));
}
