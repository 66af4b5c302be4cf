import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { openInChromium, prepareChromium } from '@countersign/test-servers';
import { beforeAll, describe, expect, it } from 'vitest';
import { MOST } from './browser/bundle.js';
import { startExample } from './browser/example.js';
import { ALLOWED, EXPOSED } from './browser/service.js';

const PAGE = readFileSync(new URL('../../../docs/clients/browser.md', import.meta.url), 'utf8');

beforeAll(() => prepareChromium(), 600_000);

describe('docs/clients/browser.md', () => {
  it('takes five minutes to read', () => {
    expect(PAGE.split(/\s+/).length).toBeLessThan(900); // words
  });

  it('tells the sizes, and the fields to allow and to expose', () => {
    expect(PAGE).toContain(`less than ${MOST.whole / 1024} KB (gzipped)`);
    expect(PAGE).toContain(`but ${MOST.withoutMac / 1024} KB is SHA-2`);
    expect(PAGE).toContain(`'Access-Control-Allow-Headers', '${ALLOWED}'`);
    expect(PAGE).toContain(`'Access-Control-Expose-Headers', '${EXPOSED}'`);
  });

  it('has an example that runs in a browser', async () => {
    const example = await startExample(PAGE);
    try {
      // A nonce store that starts empty first refuses what it may have accepted in an earlier life.
      await delay(1100);
      const chromium = await openInChromium(`${example.origin}/`);
      try {
        await example.prints(/^POST \/v1\/orders with 21 bytes$/m, 30_000);
        // The page read the answer to the first, so it believed it.
        await example.prints(/^GET \/v1\/orders\/7 with 0 bytes$/m, 30_000);
      } finally {
        await chromium.close();
      }
    } finally {
      await example.close();
    }
  }, 90_000);
});
