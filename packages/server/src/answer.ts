import { publicCode, REFUSAL_CODES, type Refusal } from '@countersign/core';
import { answerFieldsOf } from './stages/answer-fields.js';

/** Who is told how much: `minimal` for services, `full` for development only. */
export type Disclosure = 'minimal' | 'full';

/** An HTTP answer, for any server to send. */
export interface HttpAnswer {
  readonly status: number;
  /** Names in their usual spelling. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body: string;
}

/**
 * The answer to a refused request: `application/problem+json` (RFC 9457), and WWW-Authenticate with a 401.
 *
 * @param disclosure - `minimal` answers the four failures of a credential alike; `full` gives the true code and the string
 *   to sign that the verifier built, never a MAC and never a secret
 * @param realm - for WWW-Authenticate (RFC 9110 §11.5)
 */
export function answerRefusal(refusal: Refusal, disclosure: Disclosure, realm: string): HttpAnswer {
  const code = disclosure === 'full' ? refusal.code : publicCode(refusal.code);
  const { status, title, advice } = REFUSAL_CODES[code];
  const problem = {
    type: `urn:countersign:refusal:${code}`,
    title,
    status,
    detail: code === refusal.code ? `${refusal.detail} ${advice}` : advice,
    code,
    ...(disclosure === 'full' && refusal.stringToSign !== undefined
      ? { stringToSign: refusal.stringToSign }
      : {}),
  };
  const headers: Record<string, string> = {
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
    ...answerFieldsOf(refusal),
  };
  if (status === 401) headers['WWW-Authenticate'] = `HMAC-256 realm="${realm}", error="${code}"`;
  if (refusal.retryAfter !== undefined) headers['Retry-After'] = String(refusal.retryAfter);
  return { status, headers, body: `${JSON.stringify(problem)}\n` };
}
