import type { Algorithm } from './algorithm.js';
import { checkContentDigest } from './content-digest.js';
import { unsignedField } from './coverage.js';
import { parseImfDate } from './dates.js';
import { type HeaderFields, unsignableField } from './header-fields.js';
import { headerLines } from './header-lines.js';
import { Refusal } from './refusal.js';
import type { RefusalCode } from './refusal-codes.js';
import {
  parseAuthenticationInfo,
  responseSignedHeaders,
  responseStringToSign,
} from './response-signature.js';
import type { Secret } from './secret.js';

/** A response as it arrived. Nothing of it is believed before {@link checkResponse} finds nothing wrong. */
export interface UnverifiedResponse {
  readonly status: number;
  readonly fields: HeaderFields;
  /** The bytes on the wire, before any content coding is undone; empty where there is no body. */
  readonly body: Uint8Array;
}

/** The request that was answered, as its signer knows it. */
export interface AnsweredRequest {
  readonly algorithm: Algorithm;
  readonly credential: string;
  readonly secret: Secret;
  /** Padded base64; of a presigned URL too. */
  readonly signature: string;
}

/** Why a response is not believed: `info_…` is its Authentication-Info field, all others are as for a request. */
export type ResponseFaultReason =
  | 'info_missing'
  | 'info_malformed'
  | Extract<
      RefusalCode,
      | 'header_duplicated'
      | 'header_missing'
      | 'header_unsigned'
      | 'header_malformed'
      | 'signature_mismatch'
      | 'date_malformed'
      | 'digest_missing'
      | 'digest_malformed'
      | 'digest_mismatch'
    >;

/** What is wrong with a response. */
export interface ResponseFault {
  readonly reason: ResponseFaultReason;
  /** One sentence on this very response. */
  readonly detail: string;
  /** What its signature should be over, once it got that far. */
  readonly stringToSign?: string;
}

const SINGLE = [
  'authentication-info',
  'date',
  'content-digest',
  'content-type',
  'content-encoding',
];

/**
 * Holds a response against its signature (section 3 of the protocol). It does not throw on any response.
 *
 * @returns what is wrong, or `undefined` if the response is what the server of `request` signed
 */
export function checkResponse(
  response: UnverifiedResponse,
  request: AnsweredRequest,
): ResponseFault | undefined {
  const { fields, body, status } = response;
  const twice = SINGLE.find((name) => fields.isRepeated(name));
  if (twice !== undefined) return fault('header_duplicated', `${twice} occurs more than once.`);
  const value = fields.get('authentication-info');
  if (value === undefined) return fault('info_missing', 'There is no Authentication-Info field.');
  const info = parseAuthenticationInfo(value);
  if (info instanceof Refusal) return fault('info_malformed', info.detail);
  const { signedHeaders, signature } = info;

  const uncovered = uncoveredField(fields, body.length > 0, signedHeaders);
  if (uncovered !== undefined) return uncovered;
  const { algorithm, credential, secret } = request;
  const text = responseStringToSign({
    ...{ algorithm, credential, status },
    requestSignature: request.signature,
    headerLines: headerLines(signedHeaders, fields, ''),
  });
  const wrong = !secret.verify(algorithm, text, signature)
    ? fault('signature_mismatch', 'The signature is not the MAC of this response.')
    : unusable(fields, body);
  return wrong === undefined ? undefined : { ...wrong, stringToSign: text };
}

function uncoveredField(
  fields: HeaderFields,
  hasBody: boolean,
  signedHeaders: readonly string[],
): ResponseFault | undefined {
  for (const name of responseSignedHeaders(fields, hasBody)) {
    const refusal = unsignedField(name, signedHeaders, fields);
    if (refusal?.code === 'header_missing' && name === 'content-digest') {
      return fault('digest_missing', 'The response has a body and no Content-Digest.');
    }
    if (refusal !== undefined) return faultOf(refusal);
  }
  for (const name of signedHeaders) {
    const refusal = unsignableField(name, fields);
    if (refusal !== undefined) return faultOf(refusal);
  }
  return undefined;
}

/** What a signature that holds does not make good. */
function unusable(fields: HeaderFields, body: Uint8Array): ResponseFault | undefined {
  if (parseImfDate(fields.get('date') as string) === undefined)
    return fault('date_malformed', 'date is not an IMF-fixdate of a real date.');
  const digest = fields.get('content-digest');
  const refusal = digest === undefined ? undefined : checkContentDigest(digest, body);
  return refusal === undefined ? undefined : faultOf(refusal);
}

function faultOf({ code, detail }: Refusal): ResponseFault {
  return fault(code as ResponseFaultReason, detail);
}

function fault(reason: ResponseFaultReason, detail: string): ResponseFault {
  return { reason, detail };
}
