import { tmpdir } from 'node:os';
import { type MatrixAdapter, verdictMatrix } from '@countersign/testkit';
import { expect, it } from 'vitest';
import { proxyTo, service } from './proxy-rig.js';

const startOf =
  (options: Parameters<typeof proxyTo>[2]): MatrixAdapter['start'] =>
  async (verifier, handled) => {
    const behind = await service((_, response) => {
      const { method, target, body } = behind.got.at(-1) as (typeof behind.got)[number];
      handled({ method, target, body });
      response.end();
    });
    const proxy = await proxyTo(behind.port, verifier, options);
    return {
      port: proxy.port,
      async close() {
        await proxy.close();
        await behind.close();
      },
    };
  };

it.each([
  ['held in memory', {}],
  ['spooled to a file', { spool: { memoryBytes: 0, directory: tmpdir() } }],
])('the reverse proxy gives the verdict of node:http, bodies %s', async (_, options) => {
  const { faults, summary } = await verdictMatrix({ start: startOf(options) });
  console.log(summary);
  expect(faults).toEqual([]);
});
