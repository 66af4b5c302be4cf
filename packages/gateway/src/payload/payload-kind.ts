import type { PayloadRules } from '@countersign/server/policy';
import { safeParse } from 'fast-content-type-parse';
import { type PayloadFault, payloadFault } from './payload-fault.js';

/** How a body is looked at: `other` is not. */
export type PayloadKind = 'json' | 'xml' | 'other';

/** The kind of a body by its content type (RFC 9110 §8.3), if that is allowed. */
export function payloadKind(
  contentType: string | undefined,
  { contentTypes }: PayloadRules,
): PayloadKind | PayloadFault {
  const { type, parameters } = safeParse(contentType ?? '');
  if (type === '' || !contentTypes.includes(type)) {
    const taken = contentTypes.join(', ') || 'no body';
    return payloadFault('content_type_not_allowed', `What is taken here is ${taken}.`);
  }
  const kind = kindOf(type);
  if (kind === 'other') return kind;
  // The parser keeps the first of two; somebody else may keep the last.
  const isTwice = (contentType as string).toLowerCase().split('charset').length > 2;
  const { charset = 'utf-8' } = parameters;
  return charset.toLowerCase() === 'utf-8' && !isTwice
    ? kind
    : payloadFault('content_type_not_allowed', 'What is taken here is UTF-8.');
}

function kindOf(type: string): PayloadKind {
  const [, subtype = ''] = type.split('/');
  if (subtype === 'json' || subtype.endsWith('+json')) return 'json';
  return subtype === 'xml' || subtype.endsWith('+xml') ? 'xml' : 'other';
}
