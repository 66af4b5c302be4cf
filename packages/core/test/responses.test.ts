import {
  type AnsweredRequest,
  checkResponse,
  formatAuthenticationInfo,
  HeaderFields,
  headerLines,
  parseAuthenticationInfo,
  responseSignedHeaders,
  responseStringToSign,
  Secret,
  trimOws,
} from '@countersign/core';
import { describe, expect, it } from 'vitest';
import { keyOf, type ResponseVector, responseVectors } from './vector-files.js';

interface AcceptedResponse {
  readonly also?: readonly string[];
  readonly signedHeaders: readonly string[];
  readonly stringToSign: string;
  readonly authenticationInfo: string;
  readonly sent?: string;
}

interface RefusedResponse {
  readonly refused: string;
  readonly stringToSign?: string;
}

const { accepted, refused } = responseVectors<AcceptedResponse, RefusedResponse>();

function requestOf({ credential, secretId, requestSignature }: ResponseVector): AnsweredRequest {
  const { algorithm, secret } = keyOf(credential, secretId);
  return { algorithm, credential, secret: Secret.from(secret), signature: requestSignature };
}

function bodyOf({ body, bodyBase64 }: ResponseVector): Buffer {
  return bodyBase64 === undefined ? Buffer.from(body ?? '') : Buffer.from(bodyBase64, 'base64');
}

describe.each(accepted)('responses.json accepted: $name', (vector) => {
  const { status, signedHeaders, stringToSign, authenticationInfo, also = [], sent } = vector;
  const body = bodyOf(vector);
  const raw = vector.headers.flat();
  const request = requestOf(vector);

  it('is signed so', () => {
    const fields = new HeaderFields(raw);
    expect([...responseSignedHeaders(fields, body.length > 0), ...also].sort()).toEqual(
      signedHeaders,
    );
    const { algorithm, credential, signature: requestSignature } = request;
    const lines = headerLines(signedHeaders, fields, '');
    const text = responseStringToSign({
      ...{ algorithm, credential, requestSignature, status },
      headerLines: lines,
    });
    expect(text).toBe(stringToSign);
    const signature = request.secret.sign(algorithm, text);
    expect(formatAuthenticationInfo(signedHeaders, signature)).toBe(authenticationInfo);
    expect(parseAuthenticationInfo(trimOws(sent ?? authenticationInfo))).toEqual({
      signedHeaders,
      signature,
    });
  });

  it('is believed', () => {
    const fields = new HeaderFields([...raw, 'authentication-info', sent ?? authenticationInfo]);
    expect(checkResponse({ status, fields, body }, request)).toBeUndefined();
  });
});

describe('responses.json refused', () => {
  it.each(refused)('$name', (vector) => {
    const { status, headers, refused: reason, stringToSign } = vector;
    const response = { status, fields: new HeaderFields(headers.flat()), body: bodyOf(vector) };
    const fault = checkResponse(response, requestOf(vector));
    expect(fault?.reason).toBe(reason);
    expect(fault?.detail).toMatch(/^\S.*\.$/);
    expect(fault?.stringToSign).toBe(stringToSign);
  });
});
