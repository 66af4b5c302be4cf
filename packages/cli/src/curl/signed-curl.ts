import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseRequestUrl } from '@countersign/client';
import { asUsage } from '../exit.js';
import type { SigningOptions } from '../options.js';
import { signerFor } from '../signer.js';
import { parseCurlArguments } from './arguments.js';
import { type CurlBody, readBody } from './body.js';
import { curlConfig } from './config.js';
import { planCurl } from './plan.js';
import { runCurl } from './run-curl.js';

// No ~/.curlrc; the path as it stands; no URL made of several; no proxy that would rewrite the request.
const ALWAYS = ['-q', '--path-as-is', '--globoff', '--noproxy', '*', '--config', '-'];

/** Signs what the arguments say and has curl send it. Resolves to curl's exit code. */
export async function signedCurl(
  args: readonly string[],
  options: SigningOptions,
): Promise<number> {
  const parsed = parseCurlArguments(args);
  const { signer, variables } = await signerFor(parsed.url, options);
  const plan = planCurl(parsed, await readBody(parsed));
  const { method, url, fields, body } = plan;
  const { host } = asUsage(() => parseRequestUrl(url));
  return withBodyFile(body, (file) => {
    // Signed last, so that the date is that of sending.
    const headers = asUsage(() =>
      signer.sign({ method, url, headers: fields, ...contentOf(body) }),
    );
    return runCurl([...ALWAYS, ...parsed.rest], curlConfig(plan, headers, host, file), variables);
  });
}

function contentOf(body: CurlBody | undefined) {
  if (body === undefined) return {};
  return 'bytes' in body ? { body: body.bytes } : { digest: body.digest };
}

/** Lends the body as a file that only this user can read. A pipe or an argument would not do for every body and system. */
async function withBodyFile(
  body: CurlBody | undefined,
  use: (file: string | undefined) => Promise<number>,
): Promise<number> {
  if (body === undefined) return use(undefined);
  if ('file' in body) return use(body.file);
  const directory = mkdtempSync(join(tmpdir(), 'countersign-')); // mode 0700
  try {
    const file = join(directory, 'body');
    writeFileSync(file, body.bytes, { mode: 0o600 });
    return await use(file);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
