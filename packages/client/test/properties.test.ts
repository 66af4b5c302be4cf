import {
  canonicalHost,
  canonicalTarget,
  formatAuthorization,
  parseAuthorization,
} from '@countersign/core';
import { createVerifier, memoryNonceStore, staticKeys, type Verifier } from '@countersign/server';
import {
  headerOf,
  requests,
  type SignedRequestOptions,
  type SignedRequestView,
  signedRequest,
  withBody,
  withHeader,
  withMethod,
  withTarget,
} from '@countersign/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const NOW = Date.UTC(2020, 0, 1, 12, 0, 30);
const now = () => NOW;

/** A verifier that knows the key of the request and answers for its host. */
function verifierOf(request: SignedRequestOptions, view: SignedRequestView): Verifier {
  const { credential = '', algorithm = 'HMAC-256', secret = '' } = request;
  return createVerifier({
    keys: staticKeys([{ credential, algorithm, secrets: [{ secret }] }]),
    nonces: memoryNonceStore({ start: 'fresh', now }),
    hosts: [headerOf(view, 'host') as string],
    now,
  });
}

/** What came of a request: `accepted`, or the code of the refusal. */
async function outcome(request: SignedRequestOptions, signed: SignedRequestView, sent = signed) {
  const verdict = await verifierOf(request, signed).verify(sent);
  return verdict.verdict === 'accepted' ? 'accepted' : verdict.code;
}

/** Where to change, and into which byte. */
const changes = () => fc.record({ at: fc.nat(), byte: fc.integer({ min: 0x20, max: 0x7e }) });

/** The text with one character replaced by another one, or with one character if it was empty. */
function oneOff(
  text: string,
  { at, byte }: { readonly at: number; readonly byte: number },
): string {
  const character = String.fromCharCode(byte);
  if (text === '') return character;
  const i = at % text.length;
  const neighbour = String.fromCharCode(byte === 0x7e ? 0x7d : byte + 1);
  const other = text[i] === character ? neighbour : character;
  return text.slice(0, i) + other + text.slice(i + 1);
}

const trimmed = (value: string) => value.replace(/^[ \t]+|[ \t]+$/g, '');
const runs = { numRuns: 300 };

describe('sign, then verify', () => {
  it('accepts every request that can be signed', async () => {
    await fc.assert(
      fc.asyncProperty(requests(), async (request) => {
        const view = signedRequest({ ...request, now });
        expect(await outcome(request, view)).toBe('accepted');
      }),
      runs,
    );
  });

  it('accepts no request twice', async () => {
    await fc.assert(
      fc.asyncProperty(requests(), async (request) => {
        const view = signedRequest({ ...request, now });
        const verifier = verifierOf(request, view);
        const verdicts = [await verifier.verify(view), await verifier.verify(view)];
        expect(verdicts).toMatchObject([{ verdict: 'accepted' }, { code: 'nonce_replayed' }]);
      }),
      { numRuns: 100 },
    );
  });

  it('refuses another method', async () => {
    await fc.assert(
      fc.asyncProperty(requests(), changes(), async (request, change) => {
        const view = signedRequest({ ...request, now });
        const sent = withMethod(view, oneOff(view.method, change));
        expect(await outcome(request, view, sent)).toMatch(
          /^(signature_mismatch|target_malformed)$/,
        );
      }),
      runs,
    );
  });

  it('refuses another target, and accepts another spelling of the same', async () => {
    await fc.assert(
      fc.asyncProperty(requests(), changes(), async (request, change) => {
        const view = signedRequest({ ...request, now });
        const target = oneOff(view.target, change);
        const same = canonicalTarget(target) === canonicalTarget(view.target);
        expect(await outcome(request, view, withTarget(view, target))).toMatch(
          same ? /^accepted$/ : /^(signature_mismatch|target_malformed)$/,
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('refuses another value of any signed header', async () => {
    await fc.assert(
      fc.asyncProperty(requests(), changes(), async (request, change) => {
        const view = signedRequest({ ...request, now });
        const field = parseAuthorization(headerOf(view, 'authorization') as string);
        if (!('signedHeaders' in field)) throw new Error(field.detail);
        for (const name of field.signedHeaders) {
          const value = headerOf(view, name) as string;
          const changed = oneOff(value, change);
          const same =
            name === 'host'
              ? canonicalHost(trimmed(changed)) === canonicalHost(value)
              : trimmed(changed) === trimmed(value);
          const code = await outcome(request, view, withHeader(view, name, changed));
          expect([name, code]).toEqual([
            name,
            same
              ? 'accepted'
              : expect.stringMatching(/^(signature_mismatch|host_malformed|host_not_allowed)$/),
          ]);
        }
      }),
      runs,
    );
  });

  it('refuses another body', async () => {
    await fc.assert(
      fc.asyncProperty(
        requests(),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (request, at, bits) => {
          const view = signedRequest({ ...request, now });
          const body = Uint8Array.from(view.body ?? []);
          const digested = headerOf(view, 'content-digest') !== undefined;
          const longer = withBody(view, Uint8Array.of(...body, bits));
          expect(await outcome(request, view, longer)).toBe(
            digested ? 'digest_mismatch' : 'digest_missing',
          );
          if (body.length === 0) return;
          body[at % body.length] = (body[at % body.length] as number) ^ bits;
          expect(await outcome(request, view, withBody(view, body))).toBe('digest_mismatch');
          expect(await outcome(request, view, withBody(view, body.slice(1)))).toBe(
            'digest_mismatch',
          );
          expect(await outcome(request, view, withBody(view, undefined))).toBe('digest_mismatch');
        },
      ),
      runs,
    );
  });

  it('refuses another Authorization', async () => {
    await fc.assert(
      fc.asyncProperty(requests(), changes(), async (request, change) => {
        const view = signedRequest({ ...request, now });
        const value = headerOf(view, 'authorization') as string;
        const changed = oneOff(value, change);
        const schemes = [value, changed].map(
          (text) => text.slice(0, 8).toUpperCase() + text.slice(8),
        );
        const sent = withHeader(view, 'authorization', changed);
        expect(await outcome(request, view, sent)).toMatch(
          schemes[0] === schemes[1]
            ? /^accepted$/
            : /^(authorization_malformed|scheme_unsupported|credential_unknown|algorithm_mismatch|header_(missing|unsigned)|signature_mismatch)$/,
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('refuses another credential, and another signature', async () => {
    await fc.assert(
      fc.asyncProperty(requests(), changes(), async (request, change) => {
        const view = signedRequest({ ...request, now });
        const field = parseAuthorization(headerOf(view, 'authorization') as string);
        if (!('signedHeaders' in field)) throw new Error(field.detail);
        const send = (part: { readonly credential: string } | { readonly signature: string }) =>
          outcome(
            request,
            view,
            withHeader(view, 'authorization', formatAuthorization({ ...field, ...part })),
          );
        expect(await send({ credential: oneOff(field.credential, change) })).toMatch(
          /^(credential_unknown|authorization_malformed)$/,
        );
        expect(await send({ signature: oneOff(field.signature, change) })).toMatch(
          /^(signature_mismatch|authorization_malformed)$/,
        );
      }),
      runs,
    );
  });
});
