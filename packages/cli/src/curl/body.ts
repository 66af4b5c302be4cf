import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { usage } from '../exit.js';
import { readBytes, reading, readUpTo } from '../input.js';
import { readPieces } from '../sign/body-pieces.js';
import type { CurlArguments } from './arguments.js';
import { multipart } from './multipart.js';

/** What is sent as the body: bytes that are held, or a file that curl reads once its digest was signed. */
export type CurlBody =
  | { readonly kind: 'data' | 'json' | 'upload'; readonly bytes: Buffer }
  | { readonly kind: 'form'; readonly bytes: Buffer; readonly type: string }
  | { readonly kind: 'upload'; readonly file: string; readonly digest: string };

/** Reads what the options for a body name; `undefined` without one. */
export async function readBody({
  pieces,
  form,
  upload,
}: CurlArguments): Promise<CurlBody | undefined> {
  if (upload !== undefined) return readUpload(upload);
  if (form.length > 0) return { kind: 'form', ...(await multipart(form, readBytes)) };
  const bytes = await readPieces(pieces, readBytes);
  return bytes === undefined ? undefined : { kind: pieces[0]?.kind ?? 'data', bytes };
}

async function readUpload(path: string): Promise<CurlBody> {
  if (/[\r\n\0]/.test(path) || path === '') {
    throw usage('-T: expected the name of a file, without line breaks, or - for standard input');
  }
  if (path === '-') return { kind: 'upload', bytes: await readUpTo(path) };
  const stats = await reading(path, () => stat(path));
  // A pipe can be read once; and what has no size, such as a file of /proc, curl would take for empty.
  if (!stats.isFile() || stats.size === 0) return { kind: 'upload', bytes: await readUpTo(path) };
  const hash = createHash('sha256');
  await reading(path, () => hashFile(path, hash));
  return { kind: 'upload', file: path, digest: `sha-256=:${hash.digest('base64')}:` };
}

async function hashFile(path: string, hash: Hash): Promise<void> {
  await pipeline(createReadStream(path), async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) hash.update(piece);
  });
}
