import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSigner, parseRequestUrl } from '@countersign/client';
import { credentialsOf } from '../credentials.js';
import { asUsage } from '../exit.js';
import { readBytes } from '../input.js';
import type { CredentialOptions } from '../options.js';
import { readPieces } from '../sign/body-pieces.js';
import { parseCurlArguments } from './arguments.js';
import { curlConfig } from './config.js';
import { planCurl } from './plan.js';
import { runCurl } from './run-curl.js';

// No ~/.curlrc; the path as it stands; no URL made of several; no proxy that would rewrite the request.
const ALWAYS = ['-q', '--path-as-is', '--globoff', '--noproxy', '*', '--config', '-'];

/** Signs what the arguments say and has curl send it. Resolves to curl's exit code. */
export async function signedCurl(
  args: readonly string[],
  options: CredentialOptions,
): Promise<number> {
  const parsed = parseCurlArguments(args);
  const credentials = await credentialsOf(options, process.env);
  const signer = asUsage(
    () => createSigner({ ...credentials, signedHeaders: options.signedHeader ?? [] }),
    (message) => message.replace(/^signedHeaders\[[0-9]+\]:/, '--signed-header:'),
  );
  const plan = planCurl(parsed, await readPieces(parsed.pieces, readBytes));
  const { method, url, fields, body } = plan;
  const { host } = asUsage(() => parseRequestUrl(url));
  return withBodyFile(body, (file) => {
    // Signed last, so that the date is that of sending.
    const headers = asUsage(() => signer.sign({ method, url, headers: fields, body }));
    return runCurl([...ALWAYS, ...parsed.rest], curlConfig(plan, headers, host, file));
  });
}

/** Lends the body as a file that only this user can read. A pipe or an argument would not do for every body and system. */
async function withBodyFile(
  body: Buffer | undefined,
  use: (file: string | undefined) => Promise<number>,
): Promise<number> {
  if (body === undefined) return use(undefined);
  const directory = mkdtempSync(join(tmpdir(), 'countersign-')); // mode 0700
  try {
    const file = join(directory, 'body');
    writeFileSync(file, body, { mode: 0o600 });
    return await use(file);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
