import type { Accepted } from '../verdict.js';
import type { OptionalVerifier } from '../verifier.js';

/** The same response, whole and signed (section 3 of the protocol), where the verifier signs responses. */
export async function signed(
  verifier: Pick<OptionalVerifier, 'maxResponseBytes' | 'signResponse'>,
  caller: Accepted,
  method: string,
  response: Response,
): Promise<Response> {
  const most = verifier.maxResponseBytes;
  if (most === undefined) return response;
  const bodiless = method === 'HEAD' || response.body === null;
  const bytes = bodiless ? new Uint8Array(0) : await readUpTo(most, response);
  if (bytes === undefined) {
    const text = `The response has more than ${most} bytes, and cannot be signed.\n`;
    return signed(
      { ...verifier, maxResponseBytes: text.length },
      caller,
      method,
      new Response(text, { status: 500 }),
    );
  }
  const { status } = response;
  const headers = Object.fromEntries(response.headers);
  const fields = verifier.signResponse(caller, { status, headers, body: bytes });
  const all = new Headers(response.headers);
  for (const [name, value] of Object.entries(fields)) all.set(name, value);
  return new Response(bodiless ? null : (bytes as Uint8Array<ArrayBuffer>), {
    status,
    headers: all,
  });
}

async function readUpTo(most: number, response: Response): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
    size += piece.length;
    if (size > most) return undefined;
    pieces.push(piece);
  }
  return new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}
