import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { alteredBody, BODY, offTheWire } from '../request.mjs';

const webhook = new Webhook(Buffer.alloc(32, 7).toString('base64'));
const payload = BODY.toString();
const sign = (id = randomUUID(), date = new Date()) => ({
  'webhook-id': id,
  'webhook-timestamp': `${Math.floor(date.getTime() / 1000)}`,
  'webhook-signature': webhook.sign(id, date, payload),
});

export const peer = {
  name: 'standardwebhooks',
  package: 'standardwebhooks',
  covers: 'id, time, body',
  checksNonce: false,
  sign: () => sign(),
  make: () => ({
    body: payload,
    headers: Object.fromEntries(Object.entries(sign()).map(([n, v]) => [n, offTheWire(v)])),
  }),
  verifier:
    () =>
    ({ body, headers }) => {
      try {
        webhook.verify(body, headers, { jsonParse: false });
        return true;
      } catch {
        return false;
      }
    },
  tamper: (item) => ({ ...item, body: alteredBody(BODY).toString() }),
};
