import {
  type Algorithm,
  checkResponse,
  formatAuthenticationInfo,
  HeaderFields,
  headerLines,
  responseSignedHeaders,
  responseStringToSign,
  type Secret,
} from '@countersign/core';
import type { KeyStore } from '@countersign/server';
import { bytesOf } from './bytes.js';
import { compare, type Outcome } from './outcome.js';

interface ResponseVector {
  readonly name: string;
  readonly credential: string;
  readonly secretId: string | null;
  readonly requestSignature: string;
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
  readonly bodyBase64?: string;
}

/** A response that must be signed so, and be believed. */
export interface AcceptedResponse extends ResponseVector {
  readonly also?: readonly string[];
  readonly signedHeaders: readonly string[];
  readonly stringToSign: string;
  readonly authenticationInfo: string;
  readonly sent?: string;
}

/** A response in which a client must find this fault. */
export interface RefusedResponse extends ResponseVector {
  readonly refused: string;
  readonly stringToSign?: string;
}

/** Signs the response, and checks it as a client does. */
export async function checkAcceptedResponse(
  name: string,
  vector: AcceptedResponse,
  keys: KeyStore,
): Promise<Outcome> {
  const key = await keyOf(vector, keys);
  if (key === undefined) return { name, failure: 'its key is not in keys.json' };
  const { algorithm, secret } = key;
  const { credential, requestSignature, status, headers, also = [] } = vector;
  const fields = new HeaderFields(headers.flat());
  const required = responseSignedHeaders(fields, bytesOf(vector).length > 0);
  const signedHeaders = [...required, ...also].sort();
  const stringToSign = responseStringToSign({
    ...{ algorithm, credential, requestSignature, status },
    headerLines: headerLines(signedHeaders, fields, ''),
  });
  const authenticationInfo = formatAuthenticationInfo(
    signedHeaders,
    secret.sign(algorithm, stringToSign),
  );
  const sent = vector.sent ?? vector.authenticationInfo;
  const arrived = { ...vector, headers: [...headers, ['Authentication-Info', sent] as const] };
  return compare(
    name,
    {
      signedHeaders: vector.signedHeaders,
      stringToSign: vector.stringToSign,
      authenticationInfo: vector.authenticationInfo,
    },
    { signedHeaders, stringToSign, authenticationInfo, fault: faultOf(arrived, key)?.reason },
  );
}

/** Checks the response as a client does. */
export async function checkRefusedResponse(
  name: string,
  vector: RefusedResponse,
  keys: KeyStore,
): Promise<Outcome> {
  const key = await keyOf(vector, keys);
  if (key === undefined) return { name, failure: 'its key is not in keys.json' };
  const fault = faultOf(vector, key);
  const { refused, stringToSign } = vector;
  return compare(
    name,
    { refused, stringToSign },
    { refused: fault?.reason, stringToSign: fault?.stringToSign },
  );
}

interface Key {
  readonly algorithm: Algorithm;
  readonly secret: Secret;
}

function faultOf(vector: ResponseVector, key: Key) {
  const { status, headers, credential, requestSignature: signature } = vector;
  const fields = new HeaderFields(headers.flat());
  const response = { status, fields, body: bytesOf(vector) };
  return checkResponse(response, { ...key, credential, signature });
}

async function keyOf(
  { credential, secretId }: ResponseVector,
  keys: KeyStore,
): Promise<Key | undefined> {
  const key = await keys.find(credential);
  const secret = key?.secrets.find(({ id }) => (id ?? null) === secretId)?.secret;
  return key === undefined || secret === undefined
    ? undefined
    : { algorithm: key.algorithm, secret };
}
