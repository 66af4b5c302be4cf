// So many questions may be silent beyond their deadline before the next ones are not asked.
const MOST_OVERDUE = 64;

/**
 * Rejects in time what a backend does not answer in time. One that has fallen silent is asked no more until it has
 * answered, so that nothing piles up for the moment when it wakes.
 */
export class PendingAnswers {
  readonly #onSilence: (() => void) | undefined;
  #overdue = 0;
  #era = 0;

  /** @param onSilence - told whenever a question is overdue, or not asked for those that are */
  constructor(onSilence?: () => void) {
    this.#onSilence = onSilence;
  }

  /**
   * Asks, and rejects if there is no answer in time.
   *
   * @param deadline - milliseconds
   */
  ask<T>(question: () => Promise<T>, deadline: number): Promise<T> {
    if (this.#overdue >= MOST_OVERDUE) {
      this.#onSilence?.();
      return Promise.reject(new Error('too many questions are without an answer'));
    }
    const era = this.#era;
    return new Promise((resolve, reject) => {
      let state: 'open' | 'late' | 'answered' = 'open';
      const expire = () => {
        if (state !== 'open') return;
        state = 'late';
        if (era === this.#era) this.#overdue++;
        reject(new Error(`no answer within ${Math.ceil(deadline)} ms`));
        this.#onSilence?.();
      };
      // A process that was busy for long has its answers in its sockets: they are read before the timer is believed.
      const timer = setTimeout(() => setImmediate(expire), deadline);
      const answered = () => {
        clearTimeout(timer);
        if (state === 'late' && era === this.#era) this.#overdue--;
        state = 'answered';
      };
      question().finally(answered).then(resolve, reject);
    });
  }

  /** Waits for none of those that are overdue: the connections that they were sent on are gone. */
  forget(): void {
    this.#era++;
    this.#overdue = 0;
  }
}
