import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { systemCode, unavailable, usage } from './exit.js';

/** Bytes of standard input or a pipe that {@link readUpTo} holds. */
export const MAX_HELD_BYTES = 2 ** 26;

let isStandardInputRead = false;

/** The bytes of a file; `-` is standard input. */
export async function readBytes(path: string): Promise<Buffer> {
  return reading(path, () => (path === '-' ? readStream(standardInput()) : readFile(path)));
}

/** The same for at most {@link MAX_HELD_BYTES}, of something whose length is not known. */
export async function readUpTo(path: string): Promise<Buffer> {
  return reading(path, () => {
    const stream = path === '-' ? standardInput() : createReadStream(path);
    return readStream(stream, MAX_HELD_BYTES);
  });
}

/** Does what reads a file, and tells in one line why it cannot be read. */
export async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    throw unavailable(`cannot read ${path === '-' ? 'standard input' : path} (${code})`);
  }
}

function standardInput(): AsyncIterable<unknown> {
  if (isStandardInputRead) {
    throw usage('standard input is named twice ("-"); it can be read once');
  }
  isStandardInputRead = true;
  return process.stdin;
}

async function readStream(stream: AsyncIterable<unknown>, limit = Infinity): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) {
      throw usage(
        `standard input and pipes are held up to ${limit} bytes, and this is more; save it to a file and give that`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
