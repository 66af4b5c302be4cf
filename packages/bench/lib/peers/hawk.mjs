import hawk from 'hawk';
import {
  alteredBody,
  BODY,
  HOST,
  offTheWire,
  parsedHeaders,
  TARGET,
  TYPE,
  URL_TEXT,
} from '../request.mjs';

const credentials = { id: 'orders-service', key: 'k'.repeat(32), algorithm: 'sha256' };
const find = async () => credentials;
const payload = BODY.toString();
const sign = () =>
  hawk.client.header(URL_TEXT, 'POST', { credentials, payload, contentType: TYPE }).header;

export const peer = {
  name: 'hawk',
  package: 'hawk',
  covers: 'method, target, host, time, type, body',
  checksNonce: false,
  sign,
  make: () => ({
    body: payload,
    request: {
      method: 'POST',
      url: offTheWire(TARGET),
      headers: parsedHeaders({ Host: `${HOST}:443`, 'Content-Type': TYPE, Authorization: sign() }),
    },
  }),
  verifier:
    () =>
    ({ request, body }) =>
      hawk.server.authenticate(request, find, { payload: body }).then(
        () => true,
        () => false,
      ),
  tamper: (item) => ({ ...item, body: alteredBody(BODY).toString() }),
};
