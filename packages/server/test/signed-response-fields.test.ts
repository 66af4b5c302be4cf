import type { OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type Rig, startRig } from './wire.js';

/** The lines of the answer by these names, in their order. */
async function linesOf(rig: Rig, ...names: string[]): Promise<string[]> {
  const wire = await rig.open();
  const raw: Buffer[] = [];
  wire.socket.on('data', (piece: Buffer) => raw.push(piece));
  await wire.write(rig.view()).reply();
  const [head = ''] = Buffer.concat(raw).toString('latin1').split('\r\n\r\n');
  return head
    .split('\r\n')
    .filter((line) => names.includes(line.split(':')[0]?.toLowerCase() ?? ''));
}

describe('the fields that writeHead is given, in an answer that is signed', () => {
  const SHAPES: readonly [string, OutgoingHttpHeaders | OutgoingHttpHeader[]][] = [
    ['a flat list', ['Set-Cookie', 'a=1', 'X-A', '1', 'Set-Cookie', 'b=2']],
    ['an object', { 'Set-Cookie': ['a=1', 'b=2'], 'X-A': '1' }],
    [
      'pairs',
      [
        ['Set-Cookie', 'a=1'],
        ['X-A', '1'],
        ['Set-Cookie', 'b=2'],
      ] as never,
    ],
  ];

  it.each(SHAPES)('are all sent, in place of earlier ones: %s', async (_, fields) => {
    const rig = await startRig({
      signResponses: true,
      handler: (_request, response) => {
        response.setHeader('Set-Cookie', 'old=1').setHeader('X-B', 'kept');
        response.writeHead(200, fields as OutgoingHttpHeaders).end('done');
      },
    });
    expect((await linesOf(rig, 'set-cookie', 'x-a', 'x-b')).sort()).toEqual([
      'Set-Cookie: a=1',
      'Set-Cookie: b=2',
      'X-A: 1',
      'X-B: kept',
    ]);
  });
});
