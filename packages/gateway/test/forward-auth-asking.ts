import {
  headerOf,
  type SignedRequestView,
  Wire,
  type WireReply,
  withoutHeader,
} from '@countersign/testkit';
import { expect } from 'vitest';

/** The subrequest of a proxy that was asked this. */
export function about(view: SignedRequestView, scheme = 'http'): SignedRequestView {
  const length = headerOf(view, 'content-length') ?? '';
  const coding = headerOf(view, 'transfer-encoding') ?? '';
  const kept = withoutHeader(withoutHeader(view, 'content-length'), 'transfer-encoding').headers;
  return {
    method: 'GET',
    target: '/verify',
    headers: [
      ...['X-Original-Method', view.method, 'X-Original-URI', view.target],
      ...['X-Original-Content-Length', `cl=${length}`],
      ...['X-Original-Transfer-Encoding', `te=${coding}`],
      ...['X-Original-Address', '192.0.2.1', 'X-Original-Scheme', scheme],
      ...kept,
    ],
  };
}

/** Asks on a connection of its own. */
export async function ask(
  port: number,
  subrequest: SignedRequestView | string,
): Promise<WireReply> {
  const wire = await Wire.open(port);
  try {
    return await wire.write(subrequest).reply();
  } finally {
    wire.socket.destroy();
  }
}

/** The outward status and the code of a refusal, which header and body must agree on; `200` for none. */
export async function outcome(
  port: number,
  subrequest: SignedRequestView | string,
): Promise<string> {
  const { status, headers, body } = await ask(port, subrequest);
  if (status === 200) return '200';
  const code = headers.get('x-countersign-code');
  expect(JSON.parse(body)).toMatchObject({ code, status, title: expect.stringMatching(/\w/) });
  expect(headers.get('content-type')).toBe('application/problem+json');
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.has('x-countersign-credential')).toBe(false);
  expect(headers.get('www-authenticate') !== undefined).toBe(status === 401);
  return `${status} ${code}`;
}
