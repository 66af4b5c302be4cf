import type { Duplex } from 'node:stream';
import type { NodeRequest } from '@countersign/server/node';
import { connectionOptions } from './forwarded-fields.js';

// Beyond so many fields Node leaves some out, and the length of the body may be among them.
const MOST_FIELDS = 500;
const OF_UPGRADES: ReadonlySet<string> = new Set(['upgrade', 'http2-settings']);

/**
 * Has a request served as if it had asked for no other protocol, which a server may do (RFC 9110 §7.8). Node takes any request
 * with Upgrade off its parser, body unread; it is put back before the rest of the connection, without that.
 *
 * @param server - of `node:http`, `node:https` or `node:http2`
 * @param head - what came behind the head of the request
 */
export function serveWithoutUpgrade(
  server: NodeJS.EventEmitter,
  request: NodeRequest,
  socket: Duplex,
  head: Buffer,
): void {
  const { rawHeaders, method, url, httpVersion } = request;
  if (rawHeaders.length > 2 * MOST_FIELDS) {
    socket.destroy();
    return;
  }
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    if (name !== 'connection' && !OF_UPGRADES.has(name)) {
      lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
    }
  }
  const options = connectionOptions(rawHeaders).filter((option) => !OF_UPGRADES.has(option));
  if (options.length > 0) lines.push(`Connection: ${options.join(', ')}`);
  if (head.length > 0) socket.unshift(head);
  socket.unshift(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'));
  server.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket);
}
