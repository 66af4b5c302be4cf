import { PROTOCOL_FIELDS, Refusal } from '@countersign/core';
import { HOP_BY_HOP } from './hop-by-hop.js';

// Whatever says who called, from where, or what was asked for, and is not of this request itself.
const SPOOFABLE =
  /^(?:x-countersign-|x-forwarded-|x-original-|x-rewrite-|x-real-ip$|forwarded$|x-client-ip$|true-client-ip$|x-http-destinationurl$|x-proxy-)/;
/** Those that mean something here or to the service behind, besides. */
const MEANT: ReadonlySet<string> = new Set([
  ...[...PROTOCOL_FIELDS, ...HOP_BY_HOP],
  ...['authorization', 'signature-input', 'x-request-id'],
]);

/** True for a lower-case name that a gateway or a proxy speaks under, and no caller. */
export function isSpoofable(name: string): boolean {
  return SPOOFABLE.test(name);
}

/** Of the names that the caller signed, those whose fields go on as they came. */
export function asSigned(names: readonly string[]): readonly string[] {
  return names.filter((name) => !isSpoofable(name) && !HOP_BY_HOP.has(name));
}

/** True if some servers take the field for another: those that hand fields on as variables make all of `.`, `~` and so on one `_`. */
export function isOdd(name: string): boolean {
  return /[^A-Za-z0-9-]/.test(name);
}

/** The lower-case name that such a server may take a field for. */
function plainName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-');
}

/** True if a name is none of those that decide something, but may be taken for one: `X_Countersign.Group`. */
function isDisguise(name: string): boolean {
  if (!isOdd(name)) return false;
  const plain = plainName(name);
  return isSpoofable(plain) || MEANT.has(plain) || plain.startsWith('content-');
}

/**
 * Why a request is refused that a gateway passes on: a field is signed whose name may be taken for one that it takes off or looks
 * at. An unsigned one is taken off.
 */
export function signedDisguise(raw: readonly string[]): Refusal | undefined {
  const found: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    if (isDisguise(raw[i] as string)) found.push((raw[i] as string).toLowerCase());
  }
  if (found.length === 0) return undefined;
  // Nothing is verified yet. Whoever signed it, named it here.
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (!/^(?:authorization|signature-input)$/i.test(raw[i] as string)) continue;
    const name = found.find((each) => (raw[i + 1] as string).includes(each));
    if (name !== undefined) return refusal(name);
  }
  return undefined;
}

/**
 * Why a request is refused of which all fields reach the service: one may be taken for a field that decides something, or for
 * another one of the request, which may be signed.
 */
export function disguise(raw: readonly string[]): Refusal | undefined {
  let odd = false;
  for (let i = 0; i < raw.length; i += 2) {
    if (!isOdd(raw[i] as string)) continue;
    odd = true;
    if (isDisguise(raw[i] as string)) return refusal(raw[i] as string);
  }
  if (!odd) return undefined;
  const spelling = new Map<string, string>();
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    const plain = plainName(name);
    const other = spelling.get(plain) ?? name;
    if (other !== name) return refusal(isOdd(name) ? name : other);
    spelling.set(plain, name);
  }
  return undefined;
}

function refusal(name: string): Refusal {
  return new Refusal('header_malformed', `A server may take the field ${name} for another one.`);
}
