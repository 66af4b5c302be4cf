import type { PayloadRules } from '@countersign/server/policy';
import { checkJson } from './check-json.js';
import { checkXml } from './check-xml.js';
import { type PayloadFault, PayloadStop, payloadFault } from './payload-fault.js';
import { payloadKind } from './payload-kind.js';

export {
  answerPayloadFault,
  type PayloadAnswer,
  type PayloadCode,
  type PayloadFault,
} from './payload-fault.js';

/** A verified body, and what was signed about it. */
export interface Payload {
  readonly body: Uint8Array;
  /** Value of Content-Type, if there is one. */
  readonly contentType: string | undefined;
  /** Value of Content-Encoding, if there is one. */
  readonly contentEncoding: string | undefined;
}

// A byte order mark is kept, so that the parsers refuse it: what it means differs.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Looks into a verified body by the rules of the route, in time linear in its size. JSON (RFC 8259) and XML are looked into,
 * by `application/json`, `text/xml`, `…+json` and so on; of anything else only the content type is.
 *
 * @returns the first fault, or `undefined`; it never throws on any body
 * @example
 * const rules = policy.ruleOf(caller.identity)?.payload;
 * const fault = rules && checkPayload({ body: caller.body, contentType, contentEncoding }, rules);
 */
export function checkPayload(payload: Payload, rules: PayloadRules): PayloadFault | undefined {
  const { body, contentType, contentEncoding } = payload;
  if (body.length === 0) return undefined;
  const kind = payloadKind(contentType, rules);
  if (typeof kind !== 'string') return kind;
  if (contentEncoding !== undefined && contentEncoding.toLowerCase() !== 'identity') {
    return payloadFault('content_encoding_not_allowed', 'What is taken here is not compressed.');
  }
  if (kind === 'other') return undefined;
  return inspect(body, kind, rules);
}

function inspect(
  body: Uint8Array,
  kind: 'json' | 'xml',
  rules: PayloadRules,
): PayloadFault | undefined {
  let text: string;
  try {
    text = UTF8.decode(body);
  } catch {
    return payloadFault('payload_malformed', 'The body is not UTF-8.');
  }
  if (text.charCodeAt(0) === 0xfeff) {
    return payloadFault('payload_malformed', 'The body begins with a byte order mark.');
  }
  try {
    if (kind === 'json') checkJson(text, rules);
    else checkXml(text, rules);
    return undefined;
  } catch (error) {
    // Whatever else a parser throws is no reason to let a body through.
    return error instanceof PayloadStop
      ? error.fault
      : payloadFault('payload_malformed', 'The body could not be read.');
  }
}
