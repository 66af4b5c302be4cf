import { requestBody } from './body.js';
import type { Signer } from './signer.js';

/**
 * Signs a `Request`, for whatever sends one: the copy has the signature, and the body that was signed. Send it once; sign
 * anew for a retry.
 *
 * The copy follows no redirect by itself (`redirect` is `manual`, unless it was `error`), since the signature is good for this
 * URL only. A browser does not let a `Date` be set: give the signer `dateHeader: 'x-date'` there.
 *
 * @param request - its body is read here, whole, so it cannot be used again
 * @throws TypeError (as a rejection) if the request cannot be signed, or its body was used; RangeError if that has more than 16 MiB
 * @example
 * const request = await signRequest(signer, new Request('https://api.example.com/v1/orders', { method: 'POST', body: '{}' }));
 * const response = await fetch(request);
 */
export async function signRequest(signer: Signer, request: Request): Promise<Request> {
  if (typeof signer?.attempt !== 'function') {
    throw new TypeError('signer: expected a signer, from createSigner');
  }
  if (!(request instanceof Request)) throw new TypeError('request: expected a Request');
  const { url, method, headers } = request;
  if (headers.has('host')) {
    throw new TypeError('headers: host is that of the URL and cannot be replaced');
  }
  await signer.ready();
  const body = await requestBody(request);
  const fields = Object.entries(signer.sign({ method, url: new URL(url), headers, body }));
  const signed = new Request(request, {
    headers: [...headers, ...fields],
    redirect: request.redirect === 'error' ? 'error' : 'manual',
    ...(request.bodyUsed ? { body } : {}), // by now, if it has one
  });
  for (const [name, value] of fields) {
    // A browser leaves out what must not be set, and says nothing.
    if (signed.headers.get(name) !== value) {
      throw new TypeError(`headers: ${name} cannot be set on this platform; see dateHeader`);
    }
  }
  return signed;
}
