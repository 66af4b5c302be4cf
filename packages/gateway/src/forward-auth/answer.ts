import { FIELD_VALUE, HeaderFields } from '@countersign/core';
import type { Accepted, HttpAnswer } from '@countersign/server';
import { asSigned } from '../proxy/disguised-fields.js';
import { FAULT_TITLES, type ForwardAuthFault } from './fault.js';

/** An answer to a proxy, which knows 2xx, 401 and 403 only. */
export interface ForwardAuthAnswer {
  readonly status: 200 | 401 | 403;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const NO_STORE = { 'Cache-Control': 'no-store' } as const;

/** Lets the request pass, and says who it is from; `undefined` if that fits in no field. */
export function answerAccepted(
  { identity }: Accepted,
  rawHeaders: readonly string[],
): ForwardAuthAnswer | undefined {
  const { credential, group, signedHeaders } = identity;
  // A key store of somebody's own may hold any text.
  if (group !== undefined && !FIELD_VALUE.test(group)) return undefined;
  const digest = signedHeaders.includes('content-digest')
    ? new HeaderFields(rawHeaders).get('content-digest')
    : undefined;
  // All of them, always: Caddy 2.6 would hand on the name of a variable for one that is absent.
  const headers = {
    ...NO_STORE,
    'X-Countersign-Credential': credential,
    'X-Countersign-Group': group ?? '',
    'X-Countersign-Signed-Headers': asSigned(signedHeaders).join(';'),
    'X-Countersign-Content-Digest': digest ?? '',
  };
  return { status: 200, headers, body: '' };
}

/** The verifier's answer to a refusal, in a status that proxies know. */
export function answerRefused({ status, headers, body }: HttpAnswer): ForwardAuthAnswer {
  const outward = status === 401 ? 401 : 403;
  const problem = JSON.parse(body) as { code: string };
  return {
    status: outward,
    headers: { ...headers, 'X-Countersign-Code': problem.code },
    body: outward === status ? body : `${JSON.stringify({ ...problem, status: outward })}\n`,
  };
}

/** The answer to what never reached the verifier: `application/problem+json` (RFC 9457). */
export function answerFault({ code, detail }: ForwardAuthFault): ForwardAuthAnswer {
  const type = `urn:countersign:gateway:${code}`;
  const problem = { type, title: FAULT_TITLES[code], status: 403, detail, code };
  return {
    status: 403,
    headers: {
      ...NO_STORE,
      'Content-Type': 'application/problem+json',
      'X-Countersign-Code': code,
    },
    body: `${JSON.stringify(problem)}\n`,
  };
}
