import { checkContentDigest, type HeaderFields, Refusal } from '@countersign/core';
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
  fields: HeaderFields,
): MaybePromise<Uint8Array | Refusal> {
  const declared = fields.get('content-length');
  if (declared !== undefined && Number(declared) > limits.maxBytes) return tooLarge(limits);
  try {
    const body = request.body ?? NOTHING;
    const bytes = body instanceof Uint8Array ? body : body.read(limits);
    return isPromise(bytes)
      ? Promise.resolve(bytes)
          .then((read) => judge(read, limits, fields))
          .catch(unavailable)
      : judge(bytes, limits, fields);
  } catch (error) {
    return unavailable(error);
  }
}

function judge(
  body: Uint8Array | Refusal,
  limits: BodyLimits,
  fields: HeaderFields,
): Uint8Array | Refusal {
  if (body instanceof Refusal) return body;
  if (body.length > limits.maxBytes) return tooLarge(limits);
  const declared = fields.get('content-length');
  if (declared !== undefined && body.length !== Number(declared)) {
    return new Refusal(
      'body_incomplete',
      `${body.length} bytes arrived; Content-Length said ${declared}.`,
    );
  }
  const digest = fields.get('content-digest');
  if (digest === undefined) {
    // With a body that the header declared, stage 4 made sure of a signed digest. This one came without notice.
    return body.length === 0
      ? body
      : new Refusal('digest_missing', 'A body arrived without a Content-Digest.');
  }
  return checkContentDigest(digest, body) ?? body;
}

function tooLarge({ maxBytes }: BodyLimits): Refusal {
  return new Refusal('body_too_large', `The body has more than ${maxBytes} bytes.`);
}

function unavailable(cause: unknown): Refusal {
  return new Refusal('body_unavailable', 'The body could not be read.', { cause });
}
