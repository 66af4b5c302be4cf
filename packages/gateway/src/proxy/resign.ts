import type { Signer } from '@countersign/client';
import type { NodeRequest } from '@countersign/server/node';

/** The gateway's own key, for the service to verify the gateway. */
export interface Resign {
  /** Made with `signedHeaders` {@link RESIGNED_FIELDS}. */
  readonly signer: Signer;
}

/** What the gateway says of the caller is signed with the rest. */
export const RESIGNED_FIELDS = [
  'x-countersign-credential',
  'x-countersign-group',
  'x-countersign-signed-headers',
] as const;

const REPLACED: ReadonlySet<string> = new Set(['authorization', 'date', 'x-date', 'x-nonce']);

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
  const { method, url } = request;
  const signature = signer.sign({
    method,
    url: `http://${host}${url}`,
    headers: pairs,
    ...(digest === undefined ? {} : { digest }),
  });
  for (const [name, value] of Object.entries(signature)) kept.push(name, value);
  return kept;
}
