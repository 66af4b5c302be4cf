import { createForwardAuth } from '@countersign/gateway';
import { createVerifier } from '@countersign/server';
import { describe, expect, it } from 'vitest';
import { verifierOf } from './forward-auth-rig.js';

const verifier = verifierOf();
const making = (options: unknown) => () => createForwardAuth(options as never);

describe('createForwardAuth', () => {
  it('takes what it documents', () => {
    for (const options of [
      { verifier },
      { verifier, trustedPeers: undefined, bodyCheck: undefined },
      { verifier, trustedPeers: ['10.0.0.7', 'fd00::/8'], bodyCheck: 'upstream' },
      { verifier: verifier.route({ body: 'stream', optional: false }), bodyCheck: 'refuse' },
    ]) {
      expect(createForwardAuth(options as never)).toBeTypeOf('function');
    }
  });

  it.each([
    ['options', undefined],
    ['options', null],
    ['verifier', {}],
    ['verifier', { verifier: null }],
    ['verifier', { verifier: { verify() {} } }],
    ['verifier', { verifier: createVerifier }],
    ['trustedPeer', { verifier, trustedPeer: ['::1'] }],
    ['bodyCheck', { verifier, bodyCheck: null }],
    ['bodyCheck', { verifier, bodyCheck: false }],
    ['bodyCheck', { verifier, bodyCheck: 'none' }],
    ['trustedPeers', { verifier, trustedPeers: null }],
    ['trustedPeers', { verifier, trustedPeers: [] }],
    ['trustedPeers', { verifier, trustedPeers: '127.0.0.1' }],
    ['trustedPeers[1]', { verifier, trustedPeers: ['::1', 'localhost'] }],
    ['trustedPeers[0]', { verifier, trustedPeers: ['10.0.0.0/33'] }],
    ['trustedPeers[0]', { verifier, trustedPeers: [undefined] }],
  ])('refuses with "%s: …": %j', (option, options) => {
    expect(making(options)).toThrow(TypeError);
    expect(making(options)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^[\w[\]]+: \w/) }),
    );
    expect(making(options)).toThrow(`${option}: `);
  });

  it('refuses a verifier that would let somebody through without credentials', () => {
    const optional = verifier.route({ optional: true });
    expect(making({ verifier: optional })).toThrow(/^verifier: .*not optional/);
    expect(making({ verifier: optional.route({ optional: false }) })).not.toThrow();
  });

  it('refuses a verifier that promises signed answers', () => {
    const signing = verifierOf({ signResponses: true });
    expect(making({ verifier: signing })).toThrow(/^verifier: .*signResponses/);
  });
});
