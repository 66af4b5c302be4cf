import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { openInChromium, prepareChromium } from '@countersign/test-servers';
import { beforeAll, describe, expect, it, vi } from 'vitest';

beforeAll(() => prepareChromium(), 600_000);

/** The processes that have a text in their command line. */
async function processesWith(part: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^[0-9]+$/.test(name));
  const lines = ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => ''));
  return (await Promise.all(lines)).filter((line) => line.includes(part));
}

const profiles = async () =>
  (await readdir(tmpdir())).filter((name) => name.startsWith('countersign-chromium-'));

describe('openInChromium', () => {
  it('runs the script of a page, which reaches nobody else, and leaves nothing behind', async () => {
    const before = await profiles();
    const server = createServer((request, response) => {
      if (request.url === '/') {
        const tell = "fetch('/reached', { method: 'POST', body: text })";
        const script = `fetch('http://localhost:' + location.port).then(() => 'somebody', () => 'nobody').then((text) => ${tell})`;
        response.setHeader('Content-Type', 'text/html').end(`<script>${script}</script>`);
      } else {
        request.setEncoding('utf8').on('data', (text) => server.emit('reached', text));
        response.end();
      }
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const reached = once(server, 'reached');
    const chromium = await openInChromium(url);
    expect(await reached).toEqual(['nobody']);
    const [profile = ''] = (await profiles()).filter((name) => !before.includes(name));
    expect((await processesWith(profile)).length).toBeGreaterThan(1);
    await chromium.close();
    await vi.waitFor(async () => expect(await processesWith(profile)).toEqual([]), 5_000);
    expect(await profiles()).not.toContain(profile);
    server.close().closeAllConnections();
  }, 60_000);

  it('says what is wrong with the one that was named', async () => {
    vi.resetModules();
    vi.stubEnv('CHROMIUM_PATH', '/nonexistent/chromium');
    try {
      const { prepareChromium } = await import('../src/chromium.js');
      await expect(prepareChromium()).rejects.toThrow(
        /^CHROMIUM_PATH=\/nonexistent\/chromium: no such program$/,
      );
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
