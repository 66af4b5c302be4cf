import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { DigestedBody } from '../body.js';

// Bytes that are read at a time: of larger pieces, more lies about until it is collected.
const PIECE = 32_768;

/**
 * A file as a body. It is read once to hash it, and once more for every attempt that sends it; never held whole.
 *
 * @param path - of the file
 * @param options - `type`: Content-Type, where the request says none
 * @returns rejects with the error of the file system if it cannot be read. Sending it fails if the file has changed meanwhile: the
 *   last piece is held back until the digest is known to hold
 * @example await call('https://api.example.com/v1/backups/7', { method: 'PUT', body: await fileBody('backup.tar') });
 */
export async function fileBody(
  path: string | URL,
  { type }: { readonly type?: string | undefined } = {},
): Promise<DigestedBody> {
  if (type !== undefined && typeof type !== 'string') {
    throw new TypeError('type: expected a media type such as "application/zip"');
  }
  const { length, digest } = await hashed(path);
  return {
    digest: `sha-256=:${digest}:`,
    length,
    ...(type === undefined ? {} : { type }),
    open: () => unchanged(path, length, digest),
  };
}

async function hashed(path: string | URL): Promise<{ length: number; digest: string }> {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(PIECE); // one for all: nobody else gets to see it
  let length = 0;
  const file = await open(path);
  try {
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, PIECE);
      if (bytesRead === 0) return { length, digest: hash.digest('base64') };
      hash.update(piece.subarray(0, bytesRead));
      length += bytesRead;
    }
  } finally {
    await file.close();
  }
}

async function* unchanged(
  path: string | URL,
  length: number,
  digest: string,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let left = length;
  let last: Uint8Array | undefined;
  const pieces: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: PIECE });
  for await (const piece of pieces) {
    hash.update(piece);
    left -= piece.length;
    if (left < 0) throw new FileChangedError(path);
    if (last !== undefined) yield last;
    last = piece;
  }
  if (left !== 0 || hash.digest('base64') !== digest) throw new FileChangedError(path);
  if (last !== undefined) yield last;
}

class FileChangedError extends Error {
  constructor(path: string | URL) {
    super(`fileBody: ${path} changed after it was hashed, so the request was not completed`);
  }
}
