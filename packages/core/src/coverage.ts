import type { HeaderFields } from './header-fields.js';
import { Refusal } from './refusal.js';

/**
 * Why a field that must be signed is not, if so.
 *
 * @param name - lower-case name of a field that must be there and be signed
 * @returns a refusal with `header_missing` or `header_unsigned`, or `undefined`
 */
export function unsignedField(
  name: string,
  signedHeaders: readonly string[],
  fields: HeaderFields,
): Refusal | undefined {
  if (signedHeaders.includes(name) && fields.has(name)) return undefined;
  return fields.has(name)
    ? new Refusal('header_unsigned', `${name} must be signed and is not in SignedHeaders.`)
    : new Refusal('header_missing', `${name} must be sent and signed, and is absent.`);
}
