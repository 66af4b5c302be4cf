import type { Signer } from '@countersign/client';
import type { NodeRequest } from '@countersign/server/node';

/** The gateway's own key, for the service to verify the gateway. */
export interface Resign {
  /** Made with `signedHeaders` {@link RESIGNED_FIELDS}. */
  readonly signer: Signer;
}

/** What the gateway says of the caller is signed with the rest. */
export const RESIGNED_FIELDS = [
  ...['x-countersign-credential', 'x-countersign-group', 'x-countersign-signed-headers'],
  ...['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'],
] as const;

/** Fields of the caller's that a signature of the gateway's takes the place of. */
export const REPLACED: ReadonlySet<string> = new Set([
  'authorization',
  'date',
  'x-date',
  'x-nonce',
]);

const PRESIGNED = /^X-Hmac-(?:Credential|Date|Expires|Nonce|Signature)=/;

/** The target without the signature of a presigned URL, beside which none of the gateway's own would be taken. */
export function resignedTarget({ headers, url = '' }: NodeRequest): string {
  const question = url.indexOf('?');
  // A verified request without Authorization is a presigned one, whose parameters are written as here.
  if (question === -1 || headers.authorization !== undefined) return url;
  const pieces = url.slice(question + 1).split('&');
  const kept = pieces.filter((piece) => !PRESIGNED.test(piece)).join('&');
  return kept === '' ? url.slice(0, question) : `${url.slice(0, question)}?${kept}`;
}

/** The fields with a signature of the gateway's own in place of the caller's. */
export function resigned({ signer }: Resign, request: NodeRequest, fields: string[]): string[] {
  const kept: string[] = [];
  const pairs: [string, string][] = [];
  let digest: string | undefined;
  let host = '';
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [name, value] = [fields[i] as string, fields[i + 1] as string];
    const lower = name.toLowerCase();
    if (REPLACED.has(lower)) continue;
    if (lower === 'content-digest') {
      digest = value;
      continue;
    }
    if (lower === 'host') host = value;
    kept.push(name, value);
    pairs.push([name, value]);
  }
  const signature = signer.sign({
    method: request.method,
    url: `http://${host}${resignedTarget(request)}`,
    headers: pairs,
    ...(digest === undefined ? {} : { digest }),
  });
  for (const [name, value] of Object.entries(signature)) kept.push(name, value);
  return kept;
}
