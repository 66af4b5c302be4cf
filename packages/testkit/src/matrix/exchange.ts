import { Wire, type WireReply } from '../wire.js';

/** Sends on a connection of its own. `closed` if no answer came before the connection ended, `silent` if none came at all. */
export async function exchange(
  port: number,
  bytes: Uint8Array,
  method: string,
): Promise<WireReply | 'closed' | 'silent'> {
  const wire = await Wire.open(port);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'silent'>((resolve) => {
    timer = setTimeout(resolve, 5_000, 'silent');
  });
  try {
    const answered = wire.write(bytes).reply(method);
    return await Promise.race([answered.catch(() => 'closed' as const), late]);
  } finally {
    clearTimeout(timer);
    wire.socket.destroy();
  }
}
