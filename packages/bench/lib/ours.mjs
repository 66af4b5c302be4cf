import { createSigner } from '@countersign/client';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { HOUR, otherCharacter } from './alterations.mjs';
import {
  alteredBody,
  BODY,
  CREDENTIAL,
  HOST,
  offTheWire,
  SECRET,
  TYPE,
  URL_TEXT,
} from './request.mjs';

const CAPACITY = 2 ** 24;
const JSON_TYPE = { 'Content-Type': TYPE };

export const newSigner = (options = {}) =>
  createSigner({ credential: CREDENTIAL, secret: SECRET, ...options });

export const newVerifier = (options = {}) =>
  createVerifier({
    keys: staticKeys([{ credential: CREDENTIAL, secrets: [{ secret: SECRET }] }]),
    nonces: memoryNonceStore({ start: 'fresh', capacity: CAPACITY }),
    hosts: [HOST],
    ...options,
  });

/** What a verifier gets to see of a request that a signer has just signed. */
export function viewOf(signer, { url = URL_TEXT, body = BODY, headers = {}, edit } = {}) {
  const method = body === undefined ? 'GET' : 'POST';
  const content = body === undefined ? {} : JSON_TYPE;
  const given = { ...content, ...headers };
  const signature = signer.sign({ method, url, headers: given, body });
  const length = body === undefined ? {} : { 'Content-Length': `${body.length}` };
  let all = { Host: HOST, ...length, ...given, ...signature };
  if (edit !== undefined) all = edit(all);
  return {
    method,
    target: offTheWire(url.slice(`https://${HOST}`.length)),
    headers: Object.entries(all).flat().map(offTheWire),
    ...(body === undefined ? {} : { body }),
  };
}

function withField(view, name, alter) {
  const headers = [...view.headers];
  const at = headers.indexOf(name) + 1;
  headers[at] = alter(headers[at]);
  return { ...view, headers };
}

const signer = newSigner();

/** The contestant. */
export const ours = {
  name: 'countersign',
  covers: ['method', 'target', 'host', 'time', 'type', 'body'],
  checksNonce: true,
  sign: () => signer.sign({ method: 'POST', url: URL_TEXT, headers: JSON_TYPE, body: BODY }),
  make: () => viewOf(signer),
  makeStale: () => viewOf(newSigner({ now: () => Date.now() - HOUR })),
  /** A new one for each measurement: nonces of the one before are no load on the next. */
  verifier() {
    const verifier = newVerifier();
    return (view) => verifier.verify(view);
  },
  altered: {
    method: (view) => ({ ...view, method: 'PUT' }),
    target: (view) => ({ ...view, target: `${view.target}0` }),
    host: (view) => withField(view, 'Host', () => 'example.net'),
    time: (view) =>
      withField(view, 'Date', (text) => new Date(Date.parse(text) - 1000).toUTCString()),
    type: (view) => withField(view, 'Content-Type', () => 'text/plain'),
    body: (view) => ({ ...view, body: alteredBody(view.body) }),
    signature: (view) =>
      withField(view, 'Authorization', (text) => otherCharacter(text, /(?<=Signature=)./)),
  },
};

export function mustAccept(verdict) {
  if (verdict.verdict !== 'accepted') throw new Error(`refused: ${verdict.code}`);
  return verdict;
}
