import { type MatrixAdapter, verdictMatrix } from '@countersign/testkit';
import { expect, it } from 'vitest';
import { proxyTo, service } from './proxy-rig.js';

const start: MatrixAdapter['start'] = async (verifier, handled) => {
  const behind = await service((_, response) => {
    const { method, target, body } = behind.got.at(-1) as (typeof behind.got)[number];
    handled({ method, target, body });
    response.end();
  });
  const proxy = await proxyTo(behind.port, verifier);
  return {
    port: proxy.port,
    async close() {
      await proxy.close();
      await behind.close();
    },
  };
};

it('the reverse proxy gives the verdict of node:http', async () => {
  const { faults, summary } = await verdictMatrix({ start });
  console.log(summary);
  expect(faults).toEqual([]);
});
