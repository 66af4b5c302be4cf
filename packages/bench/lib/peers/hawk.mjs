import hawk from 'hawk';
import { ALTERED, HOUR, oneLess, otherCharacter, withHeader } from '../alterations.mjs';
import { BODY, HOST, offTheWire, parsedHeaders, TARGET, TYPE, URL_TEXT } from '../request.mjs';

const credentials = { id: 'orders-service', key: 'k'.repeat(32), algorithm: 'sha256' };
const find = async () => credentials;
const payload = BODY.toString();
const content = { credentials, payload, contentType: TYPE };
const sign = () => hawk.client.header(URL_TEXT, 'POST', { ...content }).header;
const made = (signature) => ({
  body: payload,
  request: {
    method: 'POST',
    url: offTheWire(TARGET),
    headers: parsedHeaders({ Host: `${HOST}:443`, 'Content-Type': TYPE, Authorization: signature }),
  },
});

export const peer = {
  name: 'hawk',
  package: 'hawk',
  covers: ['method', 'target', 'host', 'time', 'type', 'body'],
  checksNonce: false,
  sign,
  make: () => made(sign()),
  makeStale() {
    const timestamp = Math.floor((Date.now() - HOUR) / 1000);
    return made(hawk.client.header(URL_TEXT, 'POST', { ...content, timestamp }).header);
  },
  verifier:
    () =>
    ({ request, body }) =>
      hawk.server.authenticate(request, find, { payload: body }).then(
        () => true,
        () => false,
      ),
  altered: {
    ...ALTERED,
    time: (item) => withHeader(item, 'authorization', (text) => oneLess(text, /(?<= ts=")\d+/)),
    signature: (item) =>
      withHeader(item, 'authorization', (text) => otherCharacter(text, /(?<= mac=")./)),
  },
};
