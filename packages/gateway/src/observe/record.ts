import { parseAuthorization, Refusal } from '@countersign/core';
import type { Policy } from '@countersign/server/policy';
import type { Exchange } from '../proxy/exchange.js';
import { pathOf } from './path-of.js';

/** A decision as it is written down: no secret, no signature, no nonce and no query. */
export interface DecisionRecord {
  readonly id: string;
  readonly verdict: 'accepted' | 'refused';
  /** Of a refusal, or of what the gateway answered in place of upstream. */
  readonly code?: string;
  readonly detail?: string;
  readonly credential?: string;
  /** Who a refused request says it is from; nobody has verified that. */
  readonly claims?: string;
  readonly group?: string;
  readonly secretId?: string;
  /** The rule of the policy that allowed it, and the path that it is for, such as `/v1/orders/{id}`. */
  readonly rule?: string;
  readonly route?: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly address?: string;
  readonly userAgent?: string;
  readonly traceparent?: string;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly ms: number;
  readonly upstream?: string;
  readonly upstreamMs?: number;
}

/** Longest text of a stranger that is written down. */
const LONGEST = 256;

export function recordOf(exchange: Exchange, policy: Policy | undefined): DecisionRecord {
  const { request, verdict, fault, payloadFault, upstream, upstreamTime } = exchange;
  const accepted = verdict?.verdict === 'accepted' ? verdict : undefined;
  const refused = verdict instanceof Refusal ? verdict : undefined;
  const identity = accepted?.identity;
  const isRefused = payloadFault !== undefined || fault === 'verification_failed';
  const rule = identity === undefined ? undefined : policy?.ruleOf(identity);
  const { authorization, 'user-agent': userAgent, traceparent } = request.headers;
  return {
    id: exchange.id,
    verdict: accepted === undefined || isRefused ? 'refused' : 'accepted',
    ...given('code', refused?.code ?? payloadFault?.code ?? fault),
    ...given('detail', refused?.detail ?? payloadFault?.detail),
    ...given('credential', identity?.credential),
    ...given('claims', identity === undefined ? claimIn(authorization) : undefined),
    ...given('group', identity?.group),
    ...given('secretId', identity?.secretId),
    ...given('rule', rule?.rule),
    ...given('route', rule?.pattern),
    method: exchange.method,
    path: pathOf(exchange.target).slice(0, LONGEST),
    status: exchange.status,
    ...given('address', accepted?.remoteAddress ?? exchange.caller),
    ...given('userAgent', userAgent?.slice(0, LONGEST)),
    ...given('traceparent', typeof traceparent === 'string' ? traceparent.slice(0, 64) : undefined),
    bytesIn: exchange.bytesIn,
    bytesOut: exchange.bytesOut,
    ms: rounded(performance.now() - exchange.start),
    ...given('upstream', upstream),
    ...given('upstreamMs', upstreamTime === undefined ? undefined : rounded(upstreamTime)),
  };
}

function given<N extends string, T>(name: N, value: T | undefined): { readonly [name in N]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [name in N]?: T });
}

const rounded = (milliseconds: number) => Math.round(milliseconds * 1000) / 1000;

/** The credential that a request names. */
export function claimIn(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const field = parseAuthorization(authorization);
  return field instanceof Refusal ? undefined : field.credential;
}
