import { parseRequestUrl } from '@countersign/client';
import { canonicalHost } from '@countersign/core';
import { usage } from '../exit.js';
import { curlHeader } from '../header-argument.js';
import { type BodyPiece, fileOf } from './body-pieces.js';
import type { Field } from './fields.js';

/** A signed request, to be written as a command. */
export interface CurlRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly Field[];
  readonly pieces: readonly BodyPiece[];
  readonly body: Buffer | undefined;
}

/** A curl command for a POSIX shell that sends exactly what was signed. It has the signature in it, never the secret. */
export function curlLine({ method, url, headers, pieces, body }: CurlRequest): string {
  const words = ['curl', '--path-as-is', '--globoff'];
  // Curl would wait for the body that an answer to HEAD does not have.
  if (method === 'HEAD' && body === undefined) words.push('--head');
  else if (method !== (body === undefined ? 'GET' : 'POST')) words.push('--request', method);
  for (const [name, value] of [...hostAsSigned(url), ...headers]) {
    words.push('--header', curlHeader(name, value));
  }
  if (body !== undefined) words.push(...dataWords(pieces, body));
  return [...words, url].map(quoted).join(' ');
}

/** The field where curl would write some addresses and ports in another way than was signed. */
function hostAsSigned(url: string): readonly Field[] {
  const { host } = parseRequestUrl(url);
  const usual = URL.canParse(url) ? new URL(url).host : '';
  return canonicalHost(host) === canonicalHost(usual) ? [] : [['Host', host]];
}

function dataWords(pieces: readonly BodyPiece[], body: Buffer): readonly string[] {
  const [first] = pieces;
  const file = first === undefined ? undefined : fileOf(first);
  if (pieces.length === 1 && file !== undefined && file !== '-') {
    return ['--data-binary', `@${file}`];
  }
  const text = body.toString('utf8');
  if (text.includes('\0') || !Buffer.from(text).equals(body)) {
    throw usage('the body is not text, so it cannot stand in a command; put it in one -d @file');
  }
  return ['--data-raw', text]; // unlike --data, takes a leading @ for itself
}

function quoted(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
