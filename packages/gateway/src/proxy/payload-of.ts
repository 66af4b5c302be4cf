import type { Accepted } from '@countersign/server';
import { hasBody, type NodeRequest } from '@countersign/server/node';
import type { Policy } from '@countersign/server/policy';
import { checkPayload, type PayloadFault } from '../payload/payload.js';
import type { SpooledBody } from './spooled-body.js';

const TOO_LONG: PayloadFault = {
  code: 'payload_too_complex',
  status: 422,
  detail: 'The body is too long to be looked into.',
};

/** What a rule on payloads has against a verified request; one that is not in memory cannot be looked into. */
export function payloadFaultOf(
  policy: Policy | undefined,
  request: NodeRequest,
  caller: Accepted,
  spooled: SpooledBody | undefined,
): PayloadFault | undefined {
  const rules = policy?.ruleOf(caller.identity)?.payload;
  if (rules === undefined) return undefined;
  const body = spooled === undefined ? caller.body : spooled.bytes;
  if (body === undefined) return TOO_LONG;
  if (spooled === undefined && body.length === 0 && mayFollow(request)) return TOO_LONG;
  const { 'content-type': contentType, 'content-encoding': contentEncoding } = request.headers;
  return checkPayload({ body, contentType, contentEncoding: contentEncoding as string }, rules);
}

/** True if bytes may be there of which the verifier did not hold any. */
export function mayFollow(request: NodeRequest): boolean {
  return hasBody(request) && Number(request.headers['content-length']) !== 0;
}
