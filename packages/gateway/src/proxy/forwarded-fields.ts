import { Refusal } from '@countersign/core';
import { isOdd, isSpoofable, signedDisguise } from './disguised-fields.js';
import { HOP_BY_HOP } from './hop-by-hop.js';

/** What a request is passed on with. */
export interface Hop {
  /** Names of the fields that the caller signed, in lower case. */
  readonly signed: readonly string[];
  /** Address of the peer. */
  readonly peer: string | undefined;
  /** True if the peer is a proxy whose forwarded fields are believed and continued. */
  readonly trusted: boolean;
  readonly secure: boolean;
  readonly host: string;
  /** Fields that the gateway itself says, such as X-Countersign-Credential. */
  readonly own: Readonly<Record<string, string>>;
}

/** What a Connection field may name without being a trick. */
const CONNECTION_OPTIONS: ReadonlySet<string> = new Set([...HOP_BY_HOP, 'close']);

/** What a trusted proxy says, and is believed. */
const CONTINUED: ReadonlySet<string> = new Set([
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
]);

/** What the Connection fields name, in lower case. */
export function connectionOptions(raw: readonly string[]): string[] {
  const named: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]?.length !== 10 || raw[i]?.toLowerCase() !== 'connection') continue;
    for (const option of (raw[i + 1] as string).toLowerCase().split(',')) named.push(option.trim());
  }
  return named;
}

/**
 * True if a Connection field names one that the request has: whoever takes it for a field of the connection alone drops it,
 * and sees another request than was signed.
 */
function dropsFields(raw: readonly string[]): boolean {
  const named = connectionOptions(raw).filter((name) => name && !CONNECTION_OPTIONS.has(name));
  if (named.length === 0) return false;
  for (let i = 0; i < raw.length; i += 2) {
    if (named.includes((raw[i] as string).toLowerCase())) return true;
  }
  return false;
}

/** Why a request cannot be passed on as it was signed, if it cannot. */
export function unforwardable(raw: readonly string[]): Refusal | undefined {
  return dropsFields(raw)
    ? new Refusal('header_malformed', 'A Connection field names a field of the request.')
    : signedDisguise(raw);
}

/**
 * The fields for upstream: those of the request as they came, but for what belongs to its connection, what only the gateway may
 * say, and names that some servers take for others (`x_nonce`, `X.Tenant`) unless they are signed.
 *
 * @returns name, value, name, value …
 */
export function forwardedFields(raw: readonly string[], hop: Hop): string[] {
  const fields: string[] = [];
  // One field each, whatever there was, since the gateway may sign them.
  const told = new Map<string, string>();
  let cookie = -1;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    if (name.charCodeAt(0) === 58 || HOP_BY_HOP.has(name) || name === 'host') continue;
    if (isSpoofable(name)) {
      if (!hop.trusted || !CONTINUED.has(name)) continue;
      const value = (raw[i + 1] as string).replace(/[^\t -~]/g, '?');
      const before = told.get(name);
      told.set(name, before === undefined ? value : `${before}, ${value}`);
      continue;
    }
    if (isOdd(name) && !hop.signed.includes(name)) continue;
    if (name === 'cookie' && cookie !== -1) {
      // HTTP/2 sends them one by one, HTTP/1 has one field for all (RFC 9113 §8.2.3).
      fields[cookie] += `; ${raw[i + 1]}`;
      continue;
    }
    fields.push(raw[i] as string, raw[i + 1] as string);
    if (name === 'cookie') cookie = fields.length - 1;
  }
  const via = [told.get('x-forwarded-for'), hop.peer ?? 'unknown'];
  fields.push(
    ...['Host', hop.host, 'X-Forwarded-For', via.filter((each) => each !== undefined).join(', ')],
    ...['X-Forwarded-Proto', told.get('x-forwarded-proto') ?? (hop.secure ? 'https' : 'http')],
    ...['X-Forwarded-Host', told.get('x-forwarded-host') ?? hop.host],
  );
  for (const name of Object.keys(hop.own)) fields.push(name, hop.own[name] as string);
  return fields;
}
