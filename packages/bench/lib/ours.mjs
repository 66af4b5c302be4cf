import { createSigner } from '@countersign/client';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
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

const signer = newSigner();

/** The contestant. */
export const ours = {
  name: 'countersign',
  covers: 'method, target, host, date, type, body',
  checksNonce: true,
  sign: () => signer.sign({ method: 'POST', url: URL_TEXT, headers: JSON_TYPE, body: BODY }),
  make: () => viewOf(signer),
  /** A new one for each measurement: nonces of the one before are no load on the next. */
  verifier() {
    const verifier = newVerifier();
    return async (view) => (await verifier.verify(view)).verdict === 'accepted';
  },
  tamper: (view) => ({ ...view, body: alteredBody(view.body) }),
};

/** Other work of ours, by name. */
export function otherWork() {
  const verifier = newVerifier();
  const bodiless = newVerifier();
  const signing = newVerifier({ signResponses: true });
  const answer = { status: 200, headers: ['Content-Type', TYPE], body: BODY };
  return [
    {
      name: 'verify, no body',
      prepare: () => viewOf(signer, { body: undefined }),
      run: async (view) => mustAccept(await bodiless.verify(view)),
    },
    {
      name: 'verify + sign response',
      prepare: () => viewOf(signer),
      async run(view) {
        const verdict = mustAccept(await signing.verify(view));
        const fields = signing.signResponse(verdict, answer);
        if (fields['Authentication-Info'] === undefined) throw new Error('it is not signed');
      },
    },
    {
      name: 'presign',
      run: () => signer.presign(URL_TEXT, { expiresIn: 3600 }),
    },
    {
      name: 'sign, no body',
      run: () => signer.sign({ method: 'GET', url: URL_TEXT }),
    },
    {
      name: 'verify',
      prepare: () => viewOf(signer),
      run: async (view) => mustAccept(await verifier.verify(view)),
    },
  ];
}

export function mustAccept(verdict) {
  if (verdict.verdict !== 'accepted') throw new Error(`refused: ${verdict.code}`);
  return verdict;
}
