import { UNSIGNABLE_FIELDS } from '@countersign/core';
import { usage } from '../exit.js';
import { type HeaderArgument, parseHeaderArgument } from '../header-argument.js';
import { type Field, withBodyFields } from '../sign/fields.js';
import type { CurlArguments } from './arguments.js';

/** The one request that curl will be told to send. */
export interface CurlPlan {
  readonly method: string;
  /** True where curl must not wait for the body of an answer. */
  readonly head: boolean;
  readonly url: string;
  readonly fields: readonly Field[];
  /** Fields that curl would add by itself and must not. */
  readonly removed: readonly string[];
  readonly body: Buffer | undefined;
}

const SIGNERS = ['date', 'x-date', 'x-nonce', 'content-digest'];

/**
 * What curl would send for these arguments.
 *
 * @param data - the bytes of all -d or --json, `undefined` without one
 */
export function planCurl(args: CurlArguments, data: Buffer | undefined): CurlPlan {
  const headers = args.headers.map(headerOf);
  if (args.userAgent !== undefined && !headers.some(isNamed('user-agent'))) {
    headers.push(headerOf(`User-Agent:${args.userAgent}`));
  }
  const body = args.get ? undefined : data;
  const method = args.request ?? (args.head ? 'HEAD' : body === undefined ? 'GET' : 'POST');
  const removed = headers.filter((header) => header.removed).map(({ name }) => name);
  const kind = args.pieces[0]?.kind;
  const sent = headers
    .filter((header) => !header.removed)
    .map(({ name, value }): Field => [name, value]);
  const fields = withBodyFields(
    sent,
    body === undefined && kind === 'data' ? undefined : kind,
    new Set(removed.map((name) => name.toLowerCase())),
  );
  // Before a long body curl would wait up to a second for "100 Continue".
  const mayExpect = body !== undefined && !headers.some(isNamed('expect'));
  return {
    method,
    head: args.head || (method === 'HEAD' && body === undefined),
    url: args.get && data !== undefined ? withQuery(args.url, data) : withoutFragment(args.url),
    fields,
    removed: mayExpect ? [...removed, 'Expect'] : removed,
    body,
  };
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

function withoutFragment(url: string): string {
  return url.split('#', 1)[0] as string;
}

/** Appends to the query as curl -G does: nothing is encoded. */
function withQuery(url: string, data: Buffer): string {
  const base = withoutFragment(url);
  const separator = !base.includes('?') ? '?' : /[?&]$/.test(base) ? '' : '&';
  return `${base}${separator}${data.toString('latin1')}`;
}
