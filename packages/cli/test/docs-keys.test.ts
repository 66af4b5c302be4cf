import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createSigner } from '@countersign/client';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blocksOf, ROOT } from './docs-blocks.js';
import { end, type Service, save, startService } from './docs-example.js';
import { BIN, CREDENTIAL, SECRET, temporaryDirectory } from './helpers.js';

const markdown = readFileSync(join(ROOT, 'docs/keys.md'), 'utf8');
const BLOCKS = blocksOf(markdown);
const blockWith = (text: string) => BLOCKS.find((block) => block.text.includes(text))?.text ?? '';
const NEW = `csk_${Buffer.alloc(32, 9).toString('base64url')}`;
const directory = temporaryDirectory();
beforeAll(() => save(directory, BLOCKS));

it('has at most 900 words', () => {
  const words = markdown.replace(/^```.*?^```$/gms, '').split(/\s+/);
  expect(words.length).toBeLessThanOrEqual(900);
});

describe('the service', () => {
  let service: Service;
  const url = () => `http://127.0.0.1:${service.port}/`;
  const call = async (secret: string) => {
    const headers = createSigner({ credential: CREDENTIAL, secret }).sign({
      method: 'GET',
      url: url(),
    });
    const response = await fetch(url(), { headers });
    return response.status === 200 ? await response.text() : response.status;
  };
  const ready = async () => (await fetch(`${url()}ready`)).status;
  const file = JSON.parse(blockWith('ORDERS_SECRET'));
  const [first] = file.keys[0].secrets;
  /** Writes the key file and waits for the service to say that it has seen it. */
  const write = async (text: string, said: RegExp) => {
    const before = service.printed().length;
    writeFileSync(join(directory, 'keys.json'), text);
    for (let i = 0; i < 500 && !said.test(service.printed().slice(before)); i++) await delay(20);
    expect(service.printed().slice(before)).toMatch(said);
  };
  const writeSecrets = (...secrets: readonly object[]) =>
    write(JSON.stringify({ keys: [{ ...file.keys[0], secrets }] }), /^keys read again$/m);

  /** Runs a block of the page with the built command. */
  const command = (block: string) => {
    const script = block.replaceAll('npx countersign', `${process.execPath} ${BIN}`);
    return promisify(execFile)('sh', ['-eu', '-c', script], { cwd: directory });
  };

  beforeAll(async () => {
    const server = readFileSync(join(directory, 'server.mjs'), 'utf8')
      .replace(`'127.0.0.1:3000'`, '`127.0.0.1:$' + '{process.env.PORT}`')
      .replace('listen(3000', 'listen(process.env.PORT');
    writeFileSync(join(directory, 'server.mjs'), server);
    const command = `env ORDERS_SECRET=${SECRET} ${process.execPath} server.mjs`;
    service = await startService(directory, command);
    // A nonce store that starts empty first refuses what it may have accepted in an earlier life.
    await delay(1_100);
  }, 60_000);
  afterAll(() => end(service.child));

  it('rotates a secret in the steps of the page', async () => {
    expect(await ready()).toBe(200);
    expect(await call(SECRET)).toBe(`${CREDENTIAL}, first\n`);
    expect(await call(NEW)).toBe(401);
    const second = { id: 'second', secret: NEW };
    await writeSecrets(first, second); // 2
    expect(await call(SECRET)).toBe(`${CREDENTIAL}, first\n`);
    expect(await call(NEW)).toBe(`${CREDENTIAL}, second\n`); // 3, 4
    await writeSecrets(second); // 5
    expect([await call(SECRET), await call(NEW)]).toEqual([401, `${CREDENTIAL}, second\n`]);
  });

  it('takes what the commands of the page change, while it runs', async () => {
    await writeSecrets(first);
    const [others, rotate] = [blockWith('keys add'), blockWith('keys rotate')];
    const seen = service.printed().length;
    const { stdout } = await command(rotate);
    const [, next = ''] = /^export COUNTERSIGN_SECRET=(\S+)$/m.exec(stdout) ?? [];
    for (let i = 0; i < 500 && !service.printed().slice(seen).includes('again'); i++) {
      await delay(20);
    }
    expect(await call(SECRET)).toBe(`${CREDENTIAL}, first\n`);
    expect(await call(next)).toMatch(new RegExp(`^${CREDENTIAL}, [0-9-]{10}\n$`));
    const listed = (await command(others)).stdout;
    expect(listed).toMatch(/^billing +disabled +partners +HMAC-256 +[0-9-]{10}$/m);
    expect(listed).toMatch(
      /^orders-service +active +partners +HMAC-256 +first until \S+Z, [0-9-]{10}$/m,
    );
    expect(readFileSync(join(directory, 'keys.json'), 'utf8')).toContain('"env:ORDERS_SECRET"');
  });

  it('keeps the keys of a file that broke, is not ready then, and recovers', async () => {
    await writeSecrets(first);
    await write(`{"keys":[{"secret":"${SECRET}"`, /keys not read, the last ones stay: /);
    expect(await call(SECRET)).toBe(`${CREDENTIAL}, first\n`);
    expect(await ready()).toBe(503);
    expect(service.printed()).toContain('not ready');
    expect(service.printed()).not.toContain(SECRET.slice(4));
    await write('{"keys":[]}', /^keys read again$/m);
    expect([await call(SECRET), await ready()]).toEqual([401, 200]);
  });
});

describe('the other stores', () => {
  /** Runs a block as a module, and then prints what it finds. */
  async function find(block: string, credentials: readonly string[], before = '', shell = '') {
    const print = `for (const name of ${JSON.stringify(credentials)}) {
      const key = await keys.find(name);
      console.log(name, key?.group, key?.secrets.length);
    }`;
    writeFileSync(join(directory, 'block.mjs'), `${before}\n${block}\n${print}`);
    const script = `${shell}\nexec ${process.execPath} block.mjs`;
    const { stdout } = await promisify(execFile)('sh', ['-eu', '-c', script], { cwd: directory });
    return stdout.trim().split('\n');
  }

  it('a directory', async () => {
    const path = join(directory, 'callers');
    mkdirSync(path);
    writeFileSync(join(path, 'orders-service'), `${NEW}\n${SECRET}\n`);
    const block = blockWith('keyDirectory(').replace('/run/secrets/callers', path);
    expect(await find(block, ['orders-service', 'x'])).toEqual([
      'orders-service undefined 2',
      'x undefined undefined',
    ]);
  });

  it('the environment', async () => {
    const variables = blockWith('export COUNTERSIGN_KEY_').replaceAll('csk_…', SECRET);
    const names = ['orders-service', 'billing', 'reports'];
    expect(await find(blockWith('environmentKeys('), names, '', variables)).toEqual([
      'orders-service undefined 1',
      'billing undefined 2',
      'reports staff 1',
    ]);
  });

  it('a cache', async () => {
    const before = `import { keyFile } from '@countersign/server';
      const store = keyFile('keys.json', { env: { ORDERS_SECRET: '${SECRET}' } });`;
    writeFileSync(join(directory, 'keys.json'), blockWith('ORDERS_SECRET'));
    expect(await find(blockWith('cachedKeys('), ['orders-service'], before)).toEqual([
      'orders-service partners 1',
    ]);
  });
});

it('shows what health gives', async () => {
  const keys = {
    ...staticKeys([]),
    health() {
      throw new Error('…');
    },
  };
  const verifier = createVerifier({ keys, nonces: memoryNonceStore(), hosts: ['a.example'] });
  const shown = new Function(`return (${blockWith('{ ok: false')})`)();
  expect(await verifier.health()).toEqual(shown);
});
