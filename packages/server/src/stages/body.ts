import {
  checkContentDigest,
  type HeaderFields,
  Refusal,
  type UnverifiedClaim,
} from '@countersign/core';
import {
  type BodyLimits,
  isPromise,
  type MaybePromise,
  type RequestView,
} from '../request-view.js';

const NOTHING = new Uint8Array(0);

/** Stage 8. Reads the body within its limits and compares it with the digest that was sent for it. */
export function checkBody(
  limits: BodyLimits,
  request: RequestView,
  claim: UnverifiedClaim,
  fields: HeaderFields,
): MaybePromise<Uint8Array | Refusal> {
  const declared = fields.get('content-length');
  if (declared !== undefined && Number(declared) > limits.maxBytes) return tooLarge(limits);
  try {
    const body = request.body ?? NOTHING;
    const bytes = body instanceof Uint8Array ? body : body.read(limits);
    return isPromise(bytes)
      ? Promise.resolve(bytes)
          .then((read) => judge(read, limits, claim, fields))
          .catch(unavailable)
      : judge(bytes, limits, claim, fields);
  } catch (error) {
    return unavailable(error);
  }
}

function judge(
  body: Uint8Array | Refusal,
  limits: BodyLimits,
  claim: UnverifiedClaim,
  fields: HeaderFields,
): Uint8Array | Refusal {
  if (body instanceof Refusal) return body;
  if (!(body instanceof Uint8Array)) throw new TypeError('body: expected a Uint8Array');
  if (body.length > limits.maxBytes) return tooLarge(limits);
  const declared = fields.get('content-length');
  if (declared !== undefined && body.length !== Number(declared)) {
    return new Refusal(
      'body_incomplete',
      `${body.length} bytes arrived; Content-Length said ${declared}.`,
    );
  }
  // Of a body that the header declared, stage 4 made sure. This one came without notice.
  if (body.length > 0 && !claim.signedHeaders.includes('content-digest')) {
    return new Refusal('digest_missing', 'A body arrived without a signed Content-Digest.');
  }
  const digest = fields.get('content-digest');
  return digest === undefined ? body : (checkContentDigest(digest, body) ?? body);
}

function tooLarge({ maxBytes }: BodyLimits): Refusal {
  return new Refusal('body_too_large', `The body has more than ${maxBytes} bytes.`);
}

function unavailable(cause: unknown): Refusal {
  return new Refusal('body_unavailable', 'The body could not be read.', { cause });
}
