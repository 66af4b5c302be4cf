import {
  formatAuthenticationInfo,
  formatContentDigest,
  formatImfDate,
  HeaderFields,
  headerLines,
  responseSignedHeaders,
  responseStringToSign,
  type Secret,
  type UnverifiedClaim,
} from '@countersign/core';

/** What of a response is signed. */
export interface ResponseToSign {
  readonly status: number;
  /** Fields by name, as they are sent. */
  readonly headers: Readonly<Record<string, string>>;
  /** As it is sent; empty where there is none, as for HEAD, 204 and 304. */
  readonly body: Uint8Array | string;
}

/** The request that is answered, and the secret it was verified with. */
interface Seal {
  readonly claim: UnverifiedClaim;
  readonly secret: Secret;
}

// Beside the verdict, not in it: what is handed to a handler or a log holds no secret.
const SEALS = new WeakMap<object, Seal>();

/** Remembers with what the response to this verdict is signed. */
export function seal(verdict: object, { claim, secret }: Seal): void {
  SEALS.set(verdict, { claim, secret });
}

/** Section 3: the fields that sign a response. None where the request was not verified. */
export function responseFields(
  { now }: { readonly now: () => number },
  verdict: object,
  { status, headers, body }: ResponseToSign,
): Readonly<Record<string, string>> {
  const sealed = SEALS.get(verdict);
  if (sealed === undefined) return {};
  const hasBody = body.length > 0;
  const added: Record<string, string> = { Date: formatImfDate(Math.floor(now() / 1000)) };
  if (hasBody) added['Content-Digest'] = formatContentDigest(body);
  const ours = Object.keys(added).map((name) => name.toLowerCase());
  const others = Object.entries(headers).filter(([name]) => !ours.includes(name.toLowerCase()));
  const fields = new HeaderFields([...others, ...Object.entries(added)].flat());
  const names = responseSignedHeaders(fields, hasBody);
  const { claim, secret } = sealed;
  const text = responseStringToSign({
    algorithm: claim.algorithm,
    credential: claim.credential,
    requestSignature: claim.signature,
    status,
    headerLines: headerLines(names, fields, ''),
  });
  added['Authentication-Info'] = formatAuthenticationInfo(
    names,
    secret.sign(claim.algorithm, text),
  );
  return added;
}
