/** A command and its arguments. */
export type Command = readonly string[];

/** One server that takes writes. */
export interface RedisNode {
  send(command: Command): Promise<unknown>;
  /** Ends the connection, so that the client makes a new one. */
  reconnect(): void;
}

/** What the store needs of a client, whichever it is. */
export interface RedisLink {
  /** Whether there are many servers, each with a part of the keys. */
  readonly isCluster: boolean;
  /** True if a command would be sent now, not queued. */
  isReady(): boolean;
  /** `SET key 1 PX life NX`, as fast as the client can. */
  claim(key: string, life: string): Promise<unknown>;
  /** Sends a command about one key. */
  send(key: string, command: Command): Promise<unknown>;
  /** The same with a second command behind it, on one connection; rejects if either fails. Not for a cluster. */
  claimAnd(key: string, life: string, second: Command): Promise<readonly [unknown, unknown]>;
  /** Every server that takes writes. */
  masters(): Promise<readonly RedisNode[]>;
  /** Calls back whenever a connection has come or gone, or may be out of step: then it is in doubt. */
  onChange(listener: (inDoubt: boolean) => void): void;
}
