import type { Controller } from './handler.js';

/** A controller that stays the same while the attempts behind it, and their own controllers, come and go. */
export class Relay implements Controller {
  /** Of the attempt that is under way. */
  target: Controller | undefined;
  /** The response has arrived: there is nothing left to pause, and its connection may serve another request. */
  arrived = false;
  aborted = false;
  reason: Error | null = null;
  readonly #onAbort: (reason: Error) => void;
  #paused = false;

  /** @param onAbort - is called once */
  constructor(onAbort: (reason: Error) => void) {
    this.#onAbort = onAbort;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get rawHeaders(): NonNullable<Controller['rawHeaders']> | null {
    return this.target?.rawHeaders ?? null;
  }

  get rawTrailers(): NonNullable<Controller['rawTrailers']> | null {
    return this.target?.rawTrailers ?? null;
  }

  abort(reason: Error): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    this.#onAbort(reason);
  }

  pause(): void {
    this.#paused = true;
    if (!this.arrived) this.target?.pause();
  }

  resume(): void {
    this.#paused = false;
    if (!this.arrived) this.target?.resume();
  }
}
