import { channel } from 'node:diagnostics_channel';
import {
  REFUSAL_CODES,
  type Refusal,
  type RefusalCode,
  type Secret,
  type UnverifiedClaim,
} from '@countersign/core';
import { isPromise, type RequestView } from './request-view.js';
import type { Accepted, Anonymous } from './verdict.js';

/** A stage of the pipeline, by its word in the protocol. */
export type Stage =
  | 'limits'
  | 'parse'
  | 'key'
  | 'coverage'
  | 'signature'
  | 'freshness'
  | 'authorization'
  | 'body'
  | 'nonce'
  | 'rate';

/** What became of one request. Holds no secret, no signature, no nonce and no query. */
export interface VerificationEvent {
  readonly type: 'accepted' | 'anonymous' | 'refused';
  readonly method: string;
  /** The path as it was sent, a stranger's text unless the request was accepted. */
  readonly path: string;
  readonly remoteAddress: string | undefined;
  /** Who the request says it is from. Verified only in an `accepted` event. */
  readonly credential: string | undefined;
  /** Of a refusal: its true code, not the one that outsiders are told. */
  readonly code?: RefusalCode;
  /** Of a refusal: one sentence on this very request. */
  readonly detail?: string;
  /** Of a refusal: what a store or a hook threw, if that was the reason. */
  readonly cause?: unknown;
  /** Of a refusal: the stage of the protocol's table that gave it, 1–10. */
  readonly stage?: number;
  /** Milliseconds that each stage took, as far as the request got. */
  readonly durations: Readonly<Partial<Record<Stage, number>>>;
  /** Milliseconds from the first stage to the verdict. */
  readonly duration: number;
}

/** Is told of every verdict. What it throws, or rejects with, changes nothing. */
export type OnEvent = (event: VerificationEvent) => void;

const CHANNELS = {
  accepted: channel('countersign:accepted'),
  anonymous: channel('countersign:anonymous'),
  refused: channel('countersign:refused'),
} as const;

/** True if anybody wants to hear of verdicts; if not, nothing is measured. */
export function isObserved(onEvent: OnEvent | undefined): boolean {
  return (
    onEvent !== undefined ||
    CHANNELS.accepted.hasSubscribers ||
    CHANNELS.refused.hasSubscribers ||
    CHANNELS.anonymous.hasSubscribers
  );
}

/** Notes how a request goes through the stages, and tells it. */
export class Observation {
  readonly #request: RequestView;
  readonly #onEvent: OnEvent | undefined;
  readonly #durations: Partial<Record<Stage, number>> = {};
  readonly #start = performance.now();
  #stage: Stage | undefined;
  #since = this.#start;
  #told = false;
  #claim: UnverifiedClaim | undefined;
  #secret: Secret | undefined;

  constructor(request: RequestView, onEvent: OnEvent | undefined) {
    this.#request = request;
    this.#onEvent = onEvent;
  }

  /** From now on it is in this stage. */
  enter(stage: Stage | undefined): void {
    const now = performance.now();
    if (this.#stage !== undefined) this.#durations[this.#stage] = now - this.#since;
    this.#stage = stage;
    this.#since = now;
  }

  hasClaim(claim: UnverifiedClaim): void {
    this.#claim = claim;
  }

  hasSecret(secret: Secret): void {
    this.#secret = secret;
  }

  /** What a response is signed with: the claim, and the secret that the request was verified with. */
  get verified(): { readonly claim: UnverifiedClaim; readonly secret: Secret } | undefined {
    const [claim, secret] = [this.#claim, this.#secret];
    return claim === undefined || secret === undefined ? undefined : { claim, secret };
  }

  /** Tells that a body does not hold that was handed on after the verdict. Before it, the verdict will say so. */
  tellLater(refusal: Refusal): void {
    if (this.#told) this.tell(refusal);
  }

  /** Tells what became of it. */
  tell(verdict: Accepted | Anonymous | Refusal): void {
    this.#told = true;
    this.enter(undefined);
    const { method, target, remoteAddress } = this.#request;
    const event: VerificationEvent = {
      type: verdict.verdict,
      method,
      path: target.split('?', 1)[0] as string,
      remoteAddress,
      credential: this.#claim?.credential,
      ...(verdict.verdict === 'refused' ? refusalMembers(verdict) : {}),
      durations: { ...this.#durations },
      duration: performance.now() - this.#start,
    };
    CHANNELS[event.type].publish(event);
    try {
      const told: unknown = this.#onEvent?.(event);
      // An unheard rejection of an async hook would end the process.
      if (isPromise(told)) Promise.resolve(told).catch(() => {});
    } catch {
      // Whoever watches must not decide.
    }
  }
}

function refusalMembers({ code, detail, cause }: Refusal) {
  return {
    code,
    detail,
    stage: REFUSAL_CODES[code].stage,
    ...(cause === undefined ? {} : { cause }),
  };
}
