import { Buffer } from 'node:buffer';
import { canonicalTarget } from '@countersign/core';
import {
  type SignedRequestOptions,
  type SignedRequestView,
  signedRequest,
} from '../../signed-request.js';
import { toHttp1 } from '../../to-http1.js';
import type { Conditions, MatrixCase } from '../cases.js';

export type Expected = MatrixCase['expected'];
export type View = SignedRequestView;
/** A request, or its bytes as ISO 8859-1, and how it must end. */
export type Case = readonly [name: string, request: View | string, expected: Expected];

export const JSON_BODY = '{"sku":"A-1","qty":2}';

/** Makes requests that are signed at the time of the conditions. */
export class Requests {
  constructor(readonly conditions: Conditions) {}

  get(path = '/', more: SignedRequestOptions = {}): View {
    const now = () => Date.parse(this.conditions.now);
    return signedRequest({ now, url: `https://api.example.com${path}`, ...more });
  }

  post(more: SignedRequestOptions = {}): View {
    const headers = { 'Content-Type': 'application/json' };
    return this.get('/orders', { method: 'POST', headers, body: JSON_BODY, ...more });
  }

  chunked(more: SignedRequestOptions = {}): View {
    const headers = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' };
    return this.post({ headers, ...more });
  }

  caseOf(name: string, request: View | string, expected: Expected): MatrixCase {
    const bytes = typeof request === 'string' ? Buffer.from(request, 'latin1') : toHttp1(request);
    const line = Buffer.from(bytes).toString('latin1', 0, 10_000);
    const [, method = '', target = ''] = /^\s*(\S+)\s+(\S+)\s/.exec(line) ?? [];
    const canonical = canonicalTarget(target);
    const body = typeof request === 'string' ? (method === 'GET' ? '' : JSON_BODY) : request.body;
    return {
      name,
      method,
      bytes,
      conditions: this.conditions,
      claimed: [],
      expected,
      canonicalTarget: typeof canonical === 'string' ? canonical : '',
      body: typeof body === 'string' ? Buffer.from(body) : (body ?? new Uint8Array(0)),
      usedOnce: true,
    };
  }
}

/** The bytes of a request as ISO 8859-1, to be spoilt. */
export const text = (view: View): string => Buffer.from(toHttp1(view)).toString('latin1');

export const words = (list: string): string[] => list.split(' ');

/** The same request with these names and values at its end. */
export function added(view: View, ...more: readonly string[]): View {
  return { ...view, headers: [...view.headers, ...more] };
}

/** The same chunked request with one of its fields behind the body. */
export function intoTrailer(view: View, name: string): string {
  const line = new RegExp(`^${name}: .*\r\n`, 'im').exec(text(view))?.[0] ?? '';
  return text(view)
    .replace(line, '')
    .replace(/0\r\n\r\n$/, `0\r\n${line}\r\n`);
}
