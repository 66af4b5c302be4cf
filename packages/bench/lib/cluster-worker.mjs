// The worker of cluster.mjs: node cluster-worker.mjs <url> <prefix> <count>
import { redisNonceStore } from '@countersign/server/nonces/redis';
import { createClient } from 'redis';
import { newSigner, newVerifier, viewOf } from './ours.mjs';

const [url, prefix, count] = process.argv.slice(2);
const CONCURRENCY = 64;
const client = createClient({ url });
client.on('error', (error) => {
  console.error(`cluster: ${error.message}`);
  process.exit(1);
});
await client.connect();
const verifier = newVerifier({ nonces: redisNonceStore({ client, start: 'fresh', prefix }) });
const signer = newSigner();
let views = [];

const orders = {
  async prepare() {
    views = Array.from({ length: Number(count) }, () => viewOf(signer));
    return 'done';
  },
  async go() {
    let next = 0;
    let refused;
    const lane = async () => {
      while (next < views.length) {
        const verdict = await verifier.verify(views[next++]);
        if (verdict.verdict !== 'accepted') refused = verdict.code;
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, lane));
    return refused ?? 'done';
  },
  // For another worker to verify: what this one has accepted is used up for all of them.
  show: async () => JSON.stringify({ ...views[0], body: views[0].body.toString() }),
};

async function judge(shown) {
  const view = JSON.parse(shown);
  const verdict = await verifier.verify({ ...view, body: Buffer.from(view.body) });
  return verdict.code ?? verdict.verdict;
}

process.on('message', async (order) =>
  process.send(order in orders ? await orders[order]() : await judge(order)),
);
process.on('disconnect', () => process.exit());
// In a worker of node:cluster, what is sent before somebody listens is lost.
process.send('ready');
