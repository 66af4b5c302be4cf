import {
  checkContentDigest,
  fieldBits,
  fieldPlace,
  type HeaderFields,
  Refusal,
  type UnverifiedClaim,
} from '@countersign/core';
import {
  type BodyLimits,
  type BodySource,
  isPromise,
  type MaybePromise,
  type RequestView,
} from '../request-view.js';
import { BodyWatch, type WatchLimit } from './body-watch.js';
import { contentLength } from './coverage.js';

/**
 * What becomes of a body: `buffer` reads and verifies it before the handler runs; `stream` hands it on while it arrives
 * and ends it with an error unless the digest holds; `unsigned` is `stream` for requests whose body need not be signed.
 */
export type BodyMode = 'buffer' | 'stream' | 'unsigned';

/** The limits of a body, and its mode. */
export interface BodyRules extends BodyLimits {
  readonly mode: BodyMode;
}

type Drain = NonNullable<BodySource['drain']>;

const DIGEST = fieldBits(['content-digest']);
const DIGEST_PLACE = fieldPlace('content-digest');

/** No body. */
export const NOTHING = new Uint8Array(0);

/** Stage 8. Reads the body within its limits and compares it with the digest that was sent for it. */
export function checkBody(
  rules: BodyRules,
  request: RequestView,
  claim: UnverifiedClaim,
  fields: HeaderFields,
): MaybePromise<Uint8Array | Refusal> {
  if (declaresTooMuch(rules, fields)) return tooLarge(rules);
  try {
    const body = request.body ?? NOTHING;
    if (!(body instanceof Uint8Array) && body.drain !== undefined) {
      return drained(body.drain.bind(body), rules, claim, fields).catch(unavailable);
    }
    const bytes = body instanceof Uint8Array ? body : body.read(rules);
    return isPromise(bytes)
      ? Promise.resolve(bytes)
          .then((read) => judge(read, rules, claim, fields))
          .catch(unavailable)
      : judge(bytes, rules, claim, fields);
  } catch (error) {
    return unavailable(error);
  }
}

/** Stage 8 for a body that is kept elsewhere. */
async function drained(
  drain: Drain,
  rules: BodyRules,
  claim: UnverifiedClaim,
  fields: HeaderFields,
): Promise<Uint8Array | Refusal> {
  const watch = BodyWatch.of(fields, limitOf(rules, claim, fields), () => {});
  return watch instanceof Refusal ? watch : ((await drain(watch, rules)) ?? NOTHING);
}

/** Stage 8 for a body that is handed on while it arrives. All that can be told before is told before. */
export function watchBody(
  rules: BodyRules,
  request: RequestView,
  claim: UnverifiedClaim,
  fields: HeaderFields,
  onRefused: (refusal: Refusal) => void,
): MaybePromise<Uint8Array | Refusal> {
  if (declaresTooMuch(rules, fields)) return tooLarge(rules);
  const body = contentLength(fields) === 0 ? NOTHING : (request.body ?? NOTHING);
  try {
    if (body instanceof Uint8Array) return judge(body, rules, claim, fields);
    if (body.watch === undefined) {
      return new Refusal('body_unavailable', 'This server cannot hand a body on while it arrives.');
    }
    // Of HTTP/2 it is not known before whether a body follows; here a field must say so or a digest be signed.
    let refused: Refusal | undefined;
    const watch = BodyWatch.of(fields, limitOf(rules, claim, fields), (refusal) => {
      refused = refusal;
      onRefused(refusal);
    });
    if (watch instanceof Refusal) return watch;
    const unwatched = body.watch(watch, rules);
    // What came with the head goes through the watch by then, and is told of like any other.
    return unwatched ?? Promise.resolve().then(() => refused ?? NOTHING);
  } catch (error) {
    return unavailable(error);
  }
}

/** No byte at all may come of a body that nothing announced and nobody signed. */
function limitOf(rules: BodyRules, claim: UnverifiedClaim, fields: HeaderFields): WatchLimit {
  const known = claim.signedHeaders.includes('content-digest') || fields.has('content-length');
  return known || fields.has('transfer-encoding') || isExcused(rules, claim)
    ? { maxBytes: rules.maxBytes, exceeded: () => tooLarge(rules) }
    : { maxBytes: 0, exceeded: unannounced };
}

/** True if the body need not be signed. That of a presigned URL cannot be, and must not be there. */
function isExcused({ mode }: BodyRules, { scheme }: UnverifiedClaim): boolean {
  return mode === 'unsigned' && scheme.signsContent;
}

function judge(
  body: Uint8Array | Refusal,
  rules: BodyRules,
  claim: UnverifiedClaim,
  fields: HeaderFields,
): Uint8Array | Refusal {
  if (body instanceof Refusal) return body;
  if (!(body instanceof Uint8Array)) throw new TypeError('body: expected a Uint8Array');
  if (body.length > rules.maxBytes) return tooLarge(rules);
  const declared = contentLength(fields);
  if (declared !== undefined && body.length !== declared) {
    return new Refusal(
      'body_incomplete',
      `${body.length} bytes arrived; Content-Length said ${declared}.`,
    );
  }
  // Of a body that the header declared, stage 4 made sure. This one came without notice.
  if (body.length > 0 && (claim.signed.bits & DIGEST) === 0 && !isExcused(rules, claim)) {
    return unannounced();
  }
  const digest = fields.at(DIGEST_PLACE, 'content-digest');
  return digest === undefined ? body : (checkContentDigest(digest, body) ?? body);
}

function declaresTooMuch({ maxBytes }: BodyLimits, fields: HeaderFields): boolean {
  return (contentLength(fields) ?? 0) > maxBytes;
}

function unannounced(): Refusal {
  return new Refusal('digest_missing', 'A body arrived without a signed Content-Digest.');
}

function tooLarge({ maxBytes }: BodyLimits): Refusal {
  return new Refusal('body_too_large', `The body has more than ${maxBytes} bytes.`);
}

function unavailable(cause: unknown): Refusal {
  return new Refusal('body_unavailable', 'The body could not be read.', { cause });
}
