import type { RefusalCode } from '@countersign/core';
import type { Verifier } from '@countersign/server';

/** What a handler was shown. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query, as the framework shows them. */
  readonly target: string;
  /** As the framework's own way of reading gives it; empty or `undefined` where there is none. */
  readonly body: Uint8Array | undefined;
}

/** A server that listens on 127.0.0.1. */
export interface MatrixServer {
  readonly port: number;
  close(): Promise<void>;
}

/** How a case ends: accepted, a refusal's code, or `server` if the server under the adapter refused before any verdict. */
export type Outcome = 'accepted' | 'server' | RefusalCode;

/** A way in which an adapter cannot but differ from `node:http`, because of what its framework shows of a request. */
export interface Difference {
  readonly expected: Outcome;
  readonly actual: Outcome;
  /** Names of the cases; all that end so, if left out. They have to be named where either is `accepted`. */
  readonly cases?: readonly string[];
  /** Said to the reader of a report, and for the docs of the adapter. */
  readonly why: string;
}

/** An adapter, and a server to try it on. */
export interface MatrixAdapter {
  /**
   * Starts a server whose every request, whatever its method and path, is verified by `verifier`; and whose one handler calls
   * `handled` with what it was shown, then answers 200.
   */
  start(verifier: Verifier, handled: (seen: SeenRequest) => void): Promise<MatrixServer>;
  /** The framework hides the body of GET and HEAD from the handler. It must have been verified all the same. */
  readonly hidesGetBody?: boolean;
  /** The framework shows targets as the URL parser writes them: some characters are percent-encoded that were not. */
  readonly encodesTargets?: boolean;
  /** Where it differs. One that does not occur is a fault of the suite's report, so that this list stays true. */
  readonly differs?: readonly Difference[];
}
