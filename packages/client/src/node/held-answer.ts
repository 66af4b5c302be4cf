import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { Exchange } from '../exchange.js';
import { type Answered, discard, faultOf } from './send.js';

const MEMBERS = [
  ...(['statusCode', 'statusMessage', 'headers', 'headersDistinct', 'rawHeaders'] as const),
  ...(['httpVersion', 'httpVersionMajor', 'httpVersionMinor'] as const),
] as const;

/**
 * The answer to a request: an `IncomingMessage`, or the same without a socket where the body was read before it is handed out.
 */
export type SignedResponse = Readable & Pick<IncomingMessage, (typeof MEMBERS)[number]>;

/**
 * Looks at the answer where the exchange wants to, and leaves it whole for the caller.
 *
 * @returns `undefined` if another attempt is to be made
 * @throws ResponseFaultError if it had to be signed and cannot be believed; ConnectionFault if it was cut short
 */
export async function judged(
  exchange: Exchange,
  answered: Answered,
): Promise<SignedResponse | undefined> {
  const { message } = answered;
  const status = message.statusCode as number;
  const most = exchange.wants({ status, get: (name) => message.headers[name]?.toString() });
  if (most === undefined) return message;
  try {
    const body = await bytesOf(message, most);
    const again = await exchange.judge({ status, headers: message.rawHeaders }, body);
    if (!again && body !== undefined) return heldAnswer(message, body);
    if (!again) throw new RangeError('response: longer than its Content-Length');
  } catch (error) {
    discard(answered);
    throw faultOf(error);
  }
  discard(answered);
  return undefined;
}

/** All bytes of it; `undefined` if there are more than `most`. */
async function bytesOf(message: IncomingMessage, most: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > most) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function heldAnswer(message: IncomingMessage, body: Buffer): SignedResponse {
  const answer = Readable.from([body], { objectMode: false });
  const members: Record<string, unknown> = {};
  for (const name of MEMBERS) members[name] = message[name];
  return Object.assign(answer, members) as unknown as SignedResponse;
}
