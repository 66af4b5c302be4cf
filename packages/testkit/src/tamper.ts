import {
  type AuthorizationField,
  formatAuthorization,
  parseAuthorization,
  Refusal,
} from '@countersign/core';
import type { RequestView } from '@countersign/server';

// Each gives a new view and leaves the old one as it was. None signs anew: what the signature covered no longer holds.

/** Value of the first field of that name, whatever its case; `undefined` where there is none. */
export function headerOf(view: RequestView, name: string): string | undefined {
  const at = indexOf(view.headers, name);
  return at === -1 ? undefined : view.headers[at + 1];
}

/** The same request with another method. */
export function withMethod<V extends RequestView>(view: V, method: string): V {
  return { ...view, method };
}

/** The same request with another target, written as on the request line. */
export function withTarget<V extends RequestView>(view: V, target: string): V {
  return { ...view, target };
}

/** The same request with this value for the field, in its place and once; at the end if it was not there. */
export function withHeader<V extends RequestView>(view: V, name: string, value: string): V {
  const at = indexOf(view.headers, name);
  if (at === -1) return withAddedHeader(view, name, value);
  const before = view.headers.slice(0, at + 1);
  return { ...view, headers: [...before, value, ...without(view.headers.slice(at + 2), name)] };
}

/** The same request with one more field at its end, even if it has one of that name. */
export function withAddedHeader<V extends RequestView>(view: V, name: string, value: string): V {
  return { ...view, headers: [...view.headers, name, value] };
}

/** The same request without the fields of that name, whatever their case. */
export function withoutHeader<V extends RequestView>(view: V, name: string): V {
  return { ...view, headers: without(view.headers, name) };
}

/**
 * The same request with another body. Content-Length, where there is one, follows, as it would if somebody on the way had
 * done this; Content-Digest does not.
 *
 * @param body - bytes, or a string for its UTF-8 bytes; `undefined` for none
 */
export function withBody<V extends RequestView>(view: V, body: Uint8Array | string | undefined): V {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const changed = { ...view, body: bytes };
  return indexOf(view.headers, 'content-length') === -1
    ? changed
    : withHeader(changed, 'content-length', String(bytes?.length ?? 0));
}

/**
 * The same request with parts of its Authorization field replaced, unchecked.
 *
 * @throws TypeError if the request has no Authorization field that can be read
 * @example withAuthorization(view, { credential: 'somebody-else' })
 */
export function withAuthorization<V extends RequestView>(
  view: V,
  change: Partial<AuthorizationField>,
): V {
  const field = parseAuthorization(headerOf(view, 'authorization') ?? '');
  if (field instanceof Refusal) throw new TypeError(`view: ${field.detail}`);
  return withHeader(view, 'authorization', formatAuthorization({ ...field, ...change }));
}

function indexOf(headers: readonly string[], name: string): number {
  const lower = name.toLowerCase();
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() === lower) return i;
  }
  return -1;
}

function without(headers: readonly string[], name: string): string[] {
  const lower = name.toLowerCase();
  return headers.filter((_, i) => headers[i - (i % 2)]?.toLowerCase() !== lower);
}
