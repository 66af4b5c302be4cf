import { Buffer } from 'node:buffer';
import { METHODS } from 'node:http';
import { createRequire } from 'node:module';
import type { RefusalCode } from '@countersign/core';
import { type KeyEntry, type KeyStore, staticKeys } from '@countersign/server';
import { headerOf } from '../tamper.js';
import { toHttp1 } from '../to-http1.js';
import type { Conditions, MatrixCase } from './cases.js';

interface Vector {
  readonly name: string;
  readonly request: {
    readonly method: string;
    readonly target: string;
    readonly headers: readonly (readonly [string, string])[];
    readonly body?: string;
    readonly bodyBase64?: string;
  };
  readonly verifier?: Partial<Conditions>;
  readonly claimed?: MatrixCase['claimed'];
  /** Of an accepted request. */
  readonly canonicalTarget?: string;
  readonly stringToSign?: string;
  /** Of a refused one. */
  readonly code?: RefusalCode;
}

interface VectorFile {
  readonly defaults: Conditions;
  readonly vectors: readonly Vector[];
}

const load = createRequire(import.meta.url);
const file = <T>(name: string): T => load(`@countersign/test-vectors/${name}.json`);

/** The keys that all cases are verified against. */
export function vectorKeys(): KeyStore {
  return staticKeys(file<{ keys: KeyEntry[] }>('keys').keys);
}

/** The conditions that cases have unless they say otherwise. */
export function defaultConditions(): Conditions {
  return file<VectorFile>('accepted').defaults;
}

/** The shared vectors, those that can be sent over HTTP/1.1 as what they are. */
export function vectorCases(): readonly MatrixCase[] {
  return ['accepted', 'refused'].flatMap((name) => {
    const { defaults, vectors } = file<VectorFile>(name);
    return vectors.filter(canBeSent).map((vector) => caseOf(vector, defaults));
  });
}

function caseOf(vector: Vector, defaults: Conditions): MatrixCase {
  const { name, request, claimed = [], canonicalTarget = '', stringToSign = '' } = vector;
  const { method, target, headers } = request;
  const body = bodyOf(vector);
  const isPresigned = stringToSign.includes('-URL\n');
  return {
    name,
    method,
    bytes: toHttp1({ method, target, headers: headers.flat(), body }),
    conditions: { ...defaults, ...vector.verifier },
    claimed,
    expected: expectedOf(vector),
    canonicalTarget,
    body: body ?? new Uint8Array(0),
    usedOnce: !isPresigned || /[?&]X-Hmac-Nonce=/.test(target),
  };
}

/** A parser that cannot read the body may answer before the verifier does. */
function expectedOf({ request, code }: Vector): MatrixCase['expected'] {
  const codings = request.headers.filter(([name]) => /^transfer-encoding$/i.test(name));
  const isUnreadable = codings.some(([, value]) => !/^chunked$/i.test(value));
  return isUnreadable ? 'refused' : (code ?? 'accepted');
}

/** On a socket a body is what its framing says, a value has no white space around it, and a character is a byte. */
function canBeSent(vector: Vector): boolean {
  const { method, target, headers } = vector.request;
  const [values, isAccepted] = [headers.map(([, value]) => value), vector.code === undefined];
  // The parser of Node knows the methods it takes, and takes no control characters anywhere.
  if (isAccepted && !METHODS.includes(method)) return false;
  if (isAccepted && values.some((value) => /[\0-\x08\x0a-\x1f\x7f]/.test(value))) return false;
  const view = { method: '', target: '', headers: headers.flat() };
  const length = headerOf(view, 'content-length');
  const isFramed = length !== undefined || headerOf(view, 'transfer-encoding') !== undefined;
  const arrived = bodyOf(vector)?.length ?? 0;
  return (
    (isFramed || arrived === 0) &&
    !(/^\d+$/.test(length ?? '') && Number(length) < arrived) &&
    vector.code !== 'body_incomplete' &&
    !/[^\0-\xff]|[ \r\n]/.test(method + target) &&
    headers.flat().every((text) => !/[^\0-\xff]|[\r\n]|^[ \t]|[ \t]$/.test(text))
  );
}

function bodyOf({ request: { body, bodyBase64 } }: Vector): Uint8Array | undefined {
  if (bodyBase64 !== undefined) return Buffer.from(bodyBase64, 'base64');
  return body === undefined ? undefined : Buffer.from(body);
}
