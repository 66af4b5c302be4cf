import { Buffer } from 'node:buffer';
import { canonicalTarget, publicCode } from '@countersign/core';
import type { WireReply } from '../wire.js';
import type { MatrixAdapter, Outcome, SeenRequest } from './adapter.js';
import type { MatrixCase } from './cases.js';
import type { WatchedVerifier } from './watched-verifier.js';

/** How the request ended, as the verifier, the handler and the socket agree; where they do not, that is a fault. */
export function outcomeOf(
  reply: WireReply | 'closed',
  { verdicts, answer }: WatchedVerifier,
  seen: readonly SeenRequest[],
  test: MatrixCase,
  faults: string[],
): Outcome {
  const verdict = verdicts.at(-1);
  const status = typeof reply === 'string' ? reply : reply.status;
  if (verdict?.verdict === 'accepted') {
    if (status !== 200) faults.push(`accepted, but answered with ${status}`);
    if (seen.length !== 1) faults.push(`accepted, but the handler ran ${seen.length} times`);
    return 'accepted';
  }
  if (seen.length > 0) faults.push('the handler ran without a verdict to let the request in');
  if (verdict === undefined) {
    const refused = status === 'closed' || (typeof status === 'number' && status >= 400);
    if (!refused) faults.push(`no verdict, and answered with ${status}`);
    return 'server';
  }
  const expected = answer(verdict).status;
  // A parser that stumbles over the body may be faster with its 400.
  const isEither = test.expected === 'refused' && status === 400;
  if (status !== expected && !isEither)
    faults.push(`refused with ${expected}, but answered with ${status}`);
  else if (test.method !== 'HEAD' && test.expected !== 'refused' && typeof reply !== 'string') {
    const code = publicCode(verdict.code);
    if (!isProblem(reply, code)) faults.push(`the answer is no problem document with ${code}`);
  }
  return verdict.code;
}

function isProblem({ headers, body }: WireReply, code: string): boolean {
  try {
    const isJson = headers.get('content-type')?.startsWith('application/problem+json');
    return isJson === true && JSON.parse(body).code === code;
  } catch {
    return false;
  }
}

export function checkView(
  [view]: readonly SeenRequest[],
  test: MatrixCase,
  { hidesGetBody, encodesTargets }: MatrixAdapter,
  faults: string[],
): void {
  if (view === undefined) return;
  const { method, body } = test;
  const same = encodesTargets === true ? encoded : canonicalTarget;
  if (view.method !== method) faults.push(`the handler saw the method ${view.method}`);
  if (same(view.target) !== same(test.canonicalTarget))
    faults.push(`the handler saw ${view.target}`);
  const hidden = hidesGetBody === true && (method === 'GET' || method === 'HEAD');
  const shown = Buffer.from(view.body ?? []);
  if (!shown.equals(hidden ? new Uint8Array(0) : body)) {
    faults.push(`the handler saw a body of ${shown.length} bytes that is not the signed one`);
  }
}

/** The canonical form as the URL parser writes it (URL Standard, percent-encode sets). */
function encoded(text: string): string {
  const target = canonicalTarget(text);
  if (typeof target !== 'string') return target.code;
  const { pathname, search } = new URL(`http://localhost${target}`);
  return pathname + search;
}
