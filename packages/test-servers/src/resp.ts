import { once } from 'node:events';
import { connect } from 'node:net';

/** What Redis answers: text, a number, nothing, a list of these. */
export type RespReply = string | number | null | readonly RespReply[];

/**
 * Sends one command to a Redis, on a connection of its own, without any client between.
 *
 * @throws Error with the words of the server, or if it cannot be reached
 * @example await redisCommand(6379, ['CONFIG', 'GET', 'maxmemory'])
 */
export async function redisCommand(
  port: number,
  command: readonly string[],
  password?: string,
): Promise<RespReply> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.setTimeout(10_000, () => socket.destroy(new Error('no answer in 10 s')));
  try {
    await once(socket, 'connect');
    const commands = password === undefined ? [command] : [['AUTH', password], command];
    for (const each of commands) socket.write(encode(each));
    let bytes = Buffer.alloc(0);
    for await (const chunk of socket) {
      bytes = Buffer.concat([bytes, chunk as Buffer]);
      const replies = decode(bytes);
      if (replies.length < commands.length) continue;
      const last = replies.at(-1) as RespReply | Error;
      if (last instanceof Error) throw last;
      return last;
    }
    throw new Error('the server ended the connection');
  } finally {
    socket.destroy();
  }
}

function encode(command: readonly string[]): string {
  return `*${command.length}\r\n${command
    .map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`)
    .join('')}`;
}

/** The replies that are whole. */
function decode(bytes: Buffer): (RespReply | Error)[] {
  let at = 0;
  const line = (): string => {
    const end = bytes.indexOf('\r\n', at);
    if (end === -1) throw new RangeError('not all there');
    const text = bytes.toString('utf8', at, end);
    at = end + 2;
    return text;
  };
  const one = (): RespReply | Error => {
    const head = line();
    const rest = head.slice(1);
    switch (head[0]) {
      case '-':
        return new Error(rest);
      case ':':
        return Number(rest);
      case '$': {
        if (rest === '-1') return null;
        const end = at + Number(rest);
        if (bytes.length < end + 2) throw new RangeError('not all there');
        const text = bytes.toString('utf8', at, end);
        at = end + 2;
        return text;
      }
      case '*':
        return rest === '-1' ? null : (Array.from({ length: Number(rest) }, one) as RespReply[]);
      default:
        return rest;
    }
  };
  const replies: (RespReply | Error)[] = [];
  try {
    while (at < bytes.length) replies.push(one());
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return replies;
}
