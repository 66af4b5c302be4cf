/**
 * Whether the clock of a server was set ahead, which ends the lives of its keys too early: by what the server says of its time,
 * beside a clock that nobody sets.
 */
export class ServerClocks {
  readonly #most: number;
  // By the id of a server, how far its clock is ahead of ours: the least that was seen, since an answer is on its way for a while.
  #ahead = new Map<string, number>();

  /** @param most - by so many milliseconds it may be set ahead unnoticed */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Looks at the present times, and forgets the servers that are not among them.
   *
   * @param servers - each with its time in milliseconds, and that of `performance.now()` when it had told it
   * @returns true if one of those that were looked at before has been set ahead
   */
  wereSetAhead(servers: readonly ServerTime[]): boolean {
    const before = this.#ahead;
    this.#ahead = new Map();
    let any = false;
    for (const { id, time, toldAt } of servers) {
      if (id === undefined || time === undefined) continue;
      const ahead = time - toldAt;
      const least = before.get(id) ?? ahead;
      const isSet = ahead - least > this.#most;
      this.#ahead.set(id, isSet ? ahead : Math.min(ahead, least));
      any ||= isSet;
    }
    return any;
  }
}

/** What a server said of its time; nothing, if it may not be asked. */
export interface ServerTime {
  readonly id: string | undefined;
  readonly time: number | undefined;
  readonly toldAt: number;
}
