import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { ALTERED, HOUR, oneLess, otherCharacter, withHeader } from '../alterations.mjs';
import { BODY, parsedHeaders } from '../request.mjs';

const webhook = new Webhook(Buffer.alloc(32, 7).toString('base64'));
const payload = BODY.toString();
const sign = (date = new Date(), id = randomUUID()) => ({
  'webhook-id': id,
  'webhook-timestamp': `${Math.floor(date.getTime() / 1000)}`,
  'webhook-signature': webhook.sign(id, date, payload),
});
const made = (headers) => ({ body: payload, request: { headers: parsedHeaders(headers) } });

export const peer = {
  name: 'standardwebhooks',
  package: 'standardwebhooks',
  covers: ['id', 'time', 'body'],
  checksNonce: false,
  sign: () => sign(),
  make: () => made(sign()),
  makeStale: () => made(sign(new Date(Date.now() - HOUR))),
  verifier:
    () =>
    ({ body, request }) => {
      try {
        webhook.verify(body, request.headers, { jsonParse: false });
        return true;
      } catch {
        return false;
      }
    },
  altered: {
    id: (item) => withHeader(item, 'webhook-id', (text) => otherCharacter(text, /^./)),
    time: (item) => withHeader(item, 'webhook-timestamp', (text) => oneLess(text, /\d+/)),
    body: ALTERED.body,
    signature: (item) =>
      withHeader(item, 'webhook-signature', (text) => otherCharacter(text, /(?<=v1,)./)),
  },
};
