import {
  createSigner,
  ResponseFaultError,
  type SignedFetch,
  type SignedFetchOptions,
  type SignerOptions,
  signedFetch,
} from '@countersign/client';
import { Secret } from '@countersign/core';
import type { Calls, Findings, Outcome, Task } from './findings.js';

// Runs in the browser.

const JSON_BODY = '{"sku":"A-1","qty":2}';
const NOW = 1_577_880_030_000;

/** Makes all calls, in a page or in a worker. */
export async function runChecks(task: Task): Promise<Findings> {
  const [own, other] = task.origins;
  const { credential, secret } = task;
  const worked = createSigner({
    ...{ credential, secret },
    now: () => NOW,
    nonce: () => '4fA9sGdR2l3n0QwErTy8uA',
  });
  return {
    scope: globalThis.constructor.name,
    own: await callAll(task, own),
    other: await callAll(task, other),
    authorization: `${
      worked.sign({
        method: 'POST',
        url: 'https://api.example.com/v1/orders/%7ealice?tag=b&limit=10&tag=a&note=caf%c3%a9',
        headers: { 'Content-Type': 'application/json' },
        body: JSON_BODY,
      }).Authorization
    }`,
    signatures: task.vectors.map((vector) =>
      Secret.from(vector.secret).sign(vector.algorithm, vector.stringToSign),
    ),
  };
}

async function callAll({ credential, secret }: Task, origin: string): Promise<Calls> {
  const signerOf = (options: Partial<SignerOptions> = {}) =>
    createSigner({ credential, secret, dateHeader: 'x-date', ...options });
  const signer = signerOf();
  const callOf = (options: Partial<SignedFetchOptions> = {}, signs = signer) =>
    signedFetch(signs, { origins: [origin], ...options });
  const call = callOf();
  const signed = callOf({ requireSignedResponse: true });
  const url = `${origin}/v1/orders`;
  const json = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON_BODY,
  };
  const form = new FormData();
  form.append('sku', 'A-1');
  form.append('picture', new Blob(['\x00\x01pixels'], { type: 'image/png' }), 'a.png');
  const blob = new Blob(['{"from":', '"blob"}'], { type: 'application/json' });

  return {
    get: await outcome(call(`${url}?limit=10&cursor=a`)),
    postJson: await outcome(call(url, json)),
    form: await outcome(call(url, { method: 'POST', body: form })),
    blob: await outcome(call(url, { method: 'PUT', body: blob })),
    parameters: await outcome(
      call(url, { method: 'POST', body: new URLSearchParams({ a: 'é b' }) }),
    ),
    stream: await outcome(call(url, { method: 'POST', body: new Blob(['streamed']).stream() })),
    request: await outcome(call(new Request(url, json))),
    replayed: await replayed(url, callOf),
    refused: await outcome(callOf({}, signerOf({ secret: new Uint8Array(32) }))(url)),
    dateOfItsOwn: await outcome(callOf({}, signerOf({ dateHeader: 'date' }))(url)),
    slowClock: await outcome(callOf({}, signerOf({ now: () => Date.now() - 3_600_000 }))(url)),
    presigned: await outcome(fetch(signer.presign(url, { expiresIn: 60 }))),
    signedGet: await outcome(signed(url)),
    signedPost: await outcome(signed(url, json)),
    signedRefusal: await outcome(signed(`${origin}/v1/refuse`)),
    // Once into the cache of the browser, and once from there.
    cachable: await outcome(signed(`${origin}/v1/cachable`)),
    cached: await outcome(signed(`${origin}/v1/cachable`)),
    unsigned: await outcome(signed(`${origin}/unsigned`)),
    zipped: await outcome(call(`${origin}/v1/zipped`)),
    signedZipped: await outcome(signed(`${origin}/v1/zipped`)),
    notExposed: await outcome(signed(`${origin}/v1/not-exposed`)),
    redirected: await outcome(call(`${origin}/v1/redirect`)),
    signedRedirect: await outcome(signed(`${origin}/v1/redirect`)),
    elsewhere: await outcome(call('http://127.0.0.1:9/v1/orders')),
  };
}

/** Sends what was accepted a second time, as it was. */
async function replayed(
  url: string,
  callOf: (options: Partial<SignedFetchOptions>) => SignedFetch,
): Promise<Outcome> {
  const sent: [url: string, init: RequestInit][] = [];
  const capturing = (to: string, init: RequestInit) => {
    sent.push([to, init]);
    return fetch(to, init);
  };
  const first = await callOf({ fetch: capturing })(url, { method: 'POST', body: JSON_BODY });
  if (first.status !== 200) return outcome(Promise.resolve(first));
  const [captured] = sent;
  return captured === undefined
    ? { error: 'nothing was sent' }
    : outcome(fetch(captured[0], captured[1]));
}

async function outcome(answered: Promise<Response>): Promise<Outcome> {
  try {
    const response = await answered;
    const text = await response.text();
    return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : {} };
  } catch (error) {
    return error instanceof ResponseFaultError
      ? { error: error.message, reason: error.reason }
      : { error: String(error) };
  }
}
