import type { AnswerOptions, AnyBody, Signer } from '@countersign/client';

/** A call as every client can make it. */
export interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: AnyBody;
}

/** An answer as every client can give it. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface ClientOptions extends AnswerOptions {
  readonly origins: readonly string[];
  /** How often a request is tried again after a fault of the connection or a 503; 0 unless said otherwise. */
  readonly retries?: number;
}

/** A client for the tests that all clients are held to. */
export interface ClientUnderTest {
  readonly name: string;
  /** It rejects with a RefusedError where the server refuses; otherwise the answer is returned as it is. */
  readonly throwsRefusals: boolean;
  /** False where retries are the caller's: then `retries` is left alone. */
  readonly retries: boolean;
  make(signer: Signer, options: ClientOptions): (url: string, call?: Call) => Promise<Answer>;
}
