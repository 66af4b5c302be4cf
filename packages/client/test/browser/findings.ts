import type { Echo } from '../servers.js';

/** What the page is told: where to call, with which key, and texts to sign. */
export interface Task {
  readonly credential: string;
  readonly secret: string;
  /** Of the page, and of a server that the page is a stranger to. */
  readonly origins: readonly [own: string, other: string];
  readonly vectors: readonly Vector[];
}

export interface Vector {
  readonly algorithm: 'HMAC-256' | 'HMAC-512';
  readonly secret: string;
  readonly stringToSign: string;
}

/** An answer, with what of its body is JSON. */
export interface Seen {
  readonly status: number;
  readonly body: Partial<Echo> & { readonly code?: string };
}

/** What one call came to. */
export type Outcome = Seen | { readonly error: string; readonly reason?: string };

/** What was found at one of the origins. */
export type Calls = Readonly<Record<string, Outcome>>;

/** What a page or a worker found out. */
export interface Findings {
  /** Where it ran: `Window` or `DedicatedWorkerGlobalScope`. */
  readonly scope: string;
  readonly own: Calls;
  readonly other: Calls;
  /** The worked example of the protocol. */
  readonly authorization: string;
  /** Of the vectors, in their order. */
  readonly signatures: readonly string[];
}

/** What the page reports when it is done. */
export interface Report {
  readonly page?: Findings;
  readonly worker?: Findings;
  readonly failure?: string;
}
