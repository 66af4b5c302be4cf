import { UNSIGNABLE_FIELDS } from '@countersign/core';
import { usage } from '../exit.js';
import { type HeaderArgument, parseHeaderArgument } from '../header-argument.js';
import { type Field, withBodyFields } from '../sign/fields.js';
import type { CurlArguments } from './arguments.js';
import type { CurlBody } from './body.js';
import { uploadUrl, withoutFragment, withQuery } from './urls.js';

/** The one request that curl will be told to send. */
export interface CurlPlan {
  readonly method: string;
  /** True where curl must not wait for the body of an answer. */
  readonly head: boolean;
  readonly url: string;
  readonly fields: readonly Field[];
  /** Fields that curl would add by itself and must not. */
  readonly removed: readonly string[];
  readonly body: CurlBody | undefined;
}

const SIGNERS = ['date', 'x-date', 'x-nonce', 'content-digest'];

/**
 * What curl would send for these arguments.
 *
 * @param given - the body its options make, `undefined` without one
 */
export function planCurl(args: CurlArguments, given: CurlBody | undefined): CurlPlan {
  const headers = args.headers.map(headerOf);
  if (args.userAgent !== undefined && !headers.some(isNamed('user-agent'))) {
    headers.push(headerOf(`User-Agent:${args.userAgent}`));
  }
  const body = args.get ? undefined : given;
  const method = args.request ?? usualMethod(args, body);
  const removed = headers.filter((header) => header.removed).map(({ name }) => name);
  const sent = headers
    .filter((header) => !header.removed)
    .map(({ name, value }): Field => [name, value]);
  if (body?.kind === 'form') {
    if (headers.some(isNamed('content-type'))) {
      throw usage('-H "Content-Type": -F sets this field, with its boundary; leave it out');
    }
    sent.push(['Content-Type', body.type]);
  }
  const fields = withBodyFields(
    sent,
    body === undefined && given?.kind === 'data' ? undefined : given?.kind,
    new Set(removed.map((name) => name.toLowerCase())),
  );
  // With what it sends of -T - as data, curl would say that it is a form.
  const mayType = body?.kind === 'upload' && !headers.some(isNamed('content-type'));
  // Before a long body curl would wait up to a second for "100 Continue".
  const mayExpect = body !== undefined && !headers.some(isNamed('expect'));
  return {
    method,
    head: args.head || (method === 'HEAD' && body === undefined),
    url: urlOf(args, given),
    fields,
    removed: [...removed, ...(mayType ? ['Content-Type'] : []), ...(mayExpect ? ['Expect'] : [])],
    body,
  };
}

function usualMethod({ head }: CurlArguments, body: CurlBody | undefined): string {
  if (head) return 'HEAD';
  if (body === undefined) return 'GET';
  return body.kind === 'upload' ? 'PUT' : 'POST';
}

function urlOf({ url, get, upload }: CurlArguments, body: CurlBody | undefined): string {
  if (upload !== undefined) return uploadUrl(url, upload);
  return get && body !== undefined && 'bytes' in body
    ? withQuery(url, body.bytes)
    : withoutFragment(url);
}

function headerOf(text: string): HeaderArgument {
  const header = parseHeaderArgument(text);
  const lower = header.name.toLowerCase();
  if (SIGNERS.includes(lower) || lower === 'authorization') {
    throw usage(`-H "${header.name}": the signature sets this field; leave it out`);
  }
  if (lower === 'host') {
    throw usage('-H "Host": the host is signed as the URL has it; put it in the URL');
  }
  if (lower === 'content-length' || UNSIGNABLE_FIELDS.has(lower)) {
    throw usage(`-H "${header.name}": curl sets this field for the connection; leave it out`);
  }
  return header;
}

function isNamed(name: string): (header: HeaderArgument) => boolean {
  return (header) => header.name.toLowerCase() === name;
}
