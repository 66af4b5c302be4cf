import { readFile } from 'node:fs/promises';
import { systemCode, unavailable } from './exit.js';

/** The bytes of a file; `-` is standard input. */
export async function readBytes(path: string): Promise<Buffer> {
  try {
    return path === '-' ? await readStandardInput() : await readFile(path);
  } catch (error) {
    const what = path === '-' ? 'standard input' : path;
    throw unavailable(`cannot read ${what} (${systemCode(error) ?? 'unreadable'})`);
  }
}

async function readStandardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
