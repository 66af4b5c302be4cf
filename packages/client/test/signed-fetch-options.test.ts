import { signedFetch } from '@countersign/client';
import { describe, expect, it } from 'vitest';
import { signer } from './fetches.js';
import { startEcho } from './servers.js';

describe('options of signedFetch', () => {
  const origins = ['https://api.example.com'];
  it.each<readonly [string, unknown]>([
    ['signer', undefined],
    ['signer', {}],
    ['signer', { sign: 'x' }],
  ])('%s: %o', (_, bad) => {
    expect(() => signedFetch(bad as never, { origins })).toThrow(/^signer: /);
  });

  it.each<readonly [string, unknown]>([
    ['origins', undefined],
    ['origins', []],
    ['origins', 'https://api.example.com'],
    ['origins', new Set(origins)],
    ['origins', [...origins, 'api.example.com']],
    ['origins', ['https://api.example.com/v1']],
    ['origins', ['https://api.example.com/?x']],
    ['origins', ['https://api.example.com/#x']],
    ['origins', ['https://me@api.example.com']],
    ['origins', ['ftp://api.example.com']],
    ['origins', ['file:///']],
    ['origins', ['null']],
    ['origins', ['*']],
    ['origins', ['']],
    ['origins', [null]],
    ['origins', [new URL('https://api.example.com')]],
    ['maxRedirects', -1],
    ['maxRedirects', 1.5],
    ['maxRedirects', Number.NaN],
    ['maxRedirects', Number.POSITIVE_INFINITY],
    ['maxRedirects', '20'],
    ['maxRedirects', null],
    ['fetch', 'fetch'],
    ['fetch', {}],
  ])('%s: %o is refused', (option, value) => {
    const attempt = () => signedFetch(signer, { origins, [option]: value } as never);
    expect(attempt).toThrow(option === 'maxRedirects' ? RangeError : TypeError);
    expect(attempt).toThrow(new RegExp(`^${option}(\\[\\d\\])?: `));
  });

  it('no options at all are refused by name', () => {
    expect(() => signedFetch(signer, undefined as never)).toThrow(/^origins: /);
  });

  it('origins are compared in their usual form', async () => {
    const { origin } = await startEcho();
    for (const spelling of [`${origin}/`, origin.replace('http', 'HTTP')]) {
      expect((await signedFetch(signer, { origins: [spelling] })(origin)).status).toBe(200);
    }
  });

  it('the fetch of the platform is used unless another is given', async () => {
    const { origin } = await startEcho();
    const response: Response = await signedFetch(signer, { origins: [origin] })(origin);
    expect(response).toBeInstanceOf(Response);
    expect(response.status).toBe(200);
  });
});
