import { setTimeout as sleep } from 'node:timers/promises';
import { Wire, type WireReply } from '../wire.js';

/** Sends on a connection of its own. `closed` if no answer came before the connection ended, `silent` if none came at all. */
export async function exchange(
  port: number,
  bytes: Uint8Array,
  method: string,
): Promise<WireReply | 'closed' | 'silent'> {
  const wire = await Wire.open(port);
  const late = new AbortController();
  try {
    const answered = wire.write(bytes).reply(method);
    return await Promise.race([
      answered.catch(() => 'closed' as const),
      sleep(5_000, 'silent' as const, { signal: late.signal }),
    ]);
  } finally {
    late.abort();
    wire.socket.destroy();
  }
}
