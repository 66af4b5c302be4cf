/** The clock of an origin was found to differ, and a request signed by it was accepted. */
export interface ClockCorrected {
  readonly origin: string;
  /** Whole seconds by which the server is ahead; negative if it is behind. */
  readonly offset: number;
}

/** What a client has learnt of the clocks of the origins it calls. */
export class ClockOffsets {
  readonly #offsets = new Map<string, number>();
  readonly #told: ((event: ClockCorrected) => void) | undefined;

  constructor(told: ((event: ClockCorrected) => void) | undefined) {
    this.#told = told;
  }

  /** Seconds; 0 where nothing was learnt. */
  of(origin: string): number {
    return this.#offsets.get(origin) ?? 0;
  }

  keep(origin: string, offset: number): void {
    this.#offsets.set(origin, offset);
    try {
      this.#told?.({ origin, offset });
    } catch {
      // Whoever is told must not decide.
    }
  }
}
