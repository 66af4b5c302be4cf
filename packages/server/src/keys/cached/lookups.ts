import type { KeyRecord } from '../key-store.js';

type Found = KeyRecord | undefined;

/** What becomes of a lookup; the promise is settled with what these return or throw. */
export interface Outcome {
  answered(record: Found): Found;
  failed(error: unknown): Found;
}

// A lookup that is overdue is still under way in the store, which must not be asked for ever more; nor must a lost answer
// take its place for good.
const PATIENCE = 10;

/** Lookups that are under way: one for a credential, and so many in all. */
export class Lookups {
  readonly #most: number;
  readonly #timeout: number;
  readonly #running = new Map<string, Promise<Found>>();
  #open = 0;

  /** @param timeout - milliseconds until a lookup has failed */
  constructor(most: number, timeout: number) {
    this.#most = most;
    this.#timeout = timeout;
  }

  get isFull(): boolean {
    return this.#open >= this.#most;
  }

  get(credential: string): Promise<Found> | undefined {
    return this.#running.get(credential);
  }

  /** Waits for an answer in time. One that comes later counts for nothing. */
  run(credential: string, answer: Promise<Found>, outcome: Outcome): Promise<Found> {
    this.#open++;
    const running = new Promise<Found>((resolve, reject) => {
      let waiting = true;
      const settle = (decide: () => Found) => {
        if (!waiting) return;
        waiting = false;
        this.#running.delete(credential);
        try {
          resolve(decide());
        } catch (error) {
          reject(error);
        }
      };
      const late = () => {
        const error = new Error(`no answer from the key store within ${this.#timeout} ms`);
        settle(() => outcome.failed(error));
      };
      // A process that was busy for long has its answers in its sockets: they are read before the timer is believed.
      const deadline = setTimeout(() => setImmediate(late), this.#timeout);
      let open = true;
      const close = () => {
        clearTimeout(deadline);
        clearTimeout(patience);
        if (open) this.#open--;
        open = false;
      };
      const patience = setTimeout(close, this.#timeout * PATIENCE).unref();
      // A thenable that is no Promise is taken too.
      Promise.resolve(answer)
        .finally(close)
        .then(
          (record) => settle(() => outcome.answered(record)),
          (error) => settle(() => outcome.failed(error)),
        );
    });
    this.#running.set(credential, running);
    return running;
  }
}
