import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createSigner, signedFetch } from '@countersign/client';
import { useRedis } from '@countersign/test-servers';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  CREDENTIAL,
  file,
  KEY_FILE,
  type Result,
  resultOf,
  run,
  runSigned,
  SECRET,
  start,
  temporaryDirectory,
} from './helpers.js';

const seen: string[] = [];
const service = createServer((request, response) => {
  const { method, url, headers } = request;
  seen.push(`${method} ${url} by ${headers['x-countersign-credential']}`);
  setTimeout(() => response.end('from the service\n'), url === '/slow' ? 500 : 0);
});
await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
const upstream = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
afterAll(() => service.close().closeAllConnections());

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

interface Running {
  readonly pid: number;
  /** What it has said of itself so far. */
  readonly said: () => string;
  signal(signal: NodeJS.Signals): void;
  readonly ended: Promise<Result>;
}

/** A gateway that listens. */
async function started(args: readonly string[], cwd: string): Promise<Running> {
  const child = start(['gateway', ...args], { cwd });
  const ended = resultOf(child);
  afterAll(() => void child.kill('SIGKILL'));
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (text: string) => {
      said += text;
      if (said.includes('proxy listening on')) resolve();
    });
    ended.then(({ stderr }) => reject(new Error(stderr)));
  });
  return {
    pid: child.pid as number,
    said: () => said,
    signal: (signal) => void child.kill(signal),
    ended,
  };
}

const keysIn = (cwd: string) => file(cwd, 'keys.json', JSON.stringify(KEY_FILE));
const configIn = (cwd: string, text: string) => file(cwd, 'gateway.yaml', text);
const HEAD = 'hosts: [api.example.com]\nkeys: { file: keys.json }\n';
const POLICY = `policy:
  groups:
    partners:
      allowAddresses: [10.0.0.0/8]
      credentials: [${CREDENTIAL}]
      routes: ['GET /v1/orders/{id}']
`;

describe('countersign gateway', () => {
  it('stands in front of a service by one command, and ends what is under way at SIGTERM', async () => {
    const cwd = temporaryDirectory();
    keysIn(cwd);
    const listen = `127.0.0.1:${await freePort()}`;
    const args = ['--upstream', upstream, '--keys', 'keys.json', '--listen', listen];
    const gateway = await started([...args, '--fresh'], cwd);
    expect(gateway.said()).toContain('there is no policy');
    const url = `http://${listen}`;
    seen.length = 0;
    const curled = await runSigned(['curl', '-s', `${url}/v1/orders`]);
    expect(curled.stdout).toBe('from the service\n');
    expect((await fetch(url)).status).toBe(401);
    const call = signedFetch(createSigner({ credential: CREDENTIAL, secret: SECRET }), {
      origins: [url],
    });
    const slow = call(`${url}/slow`);
    await expect.poll(() => seen).toHaveLength(2);
    gateway.signal('SIGTERM');
    expect(await (await slow).text()).toBe('from the service\n');
    const { code, stdout } = await gateway.ended;
    expect(code).toBe(0);
    expect(seen).toEqual([`GET /v1/orders by ${CREDENTIAL}`, `GET /slow by ${CREDENTIAL}`]);
    const records = stdout.split('\n').filter((line) => line.includes('"verdict"'));
    expect(records.map((line) => JSON.parse(line).status)).toEqual([200, 401, 200]);
    expect(stdout).not.toMatch(/csk_|Signature/);
  });

  it('reads its files again at SIGHUP, and goes on by the old ones if they are broken', async () => {
    const cwd = temporaryDirectory();
    keysIn(cwd);
    const port = await freePort();
    const text = (routes: string) =>
      `hosts: ['127.0.0.1:${port}']\nkeys: { file: keys.json }\nnonces: { memory: { start: fresh } }\n` +
      `policy: { routes: ['${routes}'] }\nproxy: { listen: '127.0.0.1:${port}', upstream: '${upstream}' }\n` +
      'audit: { to: audit.log }\n';
    configIn(cwd, text('GET /a'));
    const gateway = await started([], cwd);
    const origin = `http://127.0.0.1:${port}`;
    const call = signedFetch(createSigner({ credential: CREDENTIAL, secret: SECRET }), {
      origins: [origin],
    });
    const statuses = async () => [
      (await call(`${origin}/a`)).status,
      (await call(`${origin}/b`)).status,
    ];
    expect(await statuses()).toEqual([200, 403]);
    const log = join(cwd, 'audit.log');
    await expect.poll(() => existsSync(log)).toBe(true);
    renameSync(log, `${log}.1`);
    writeFileSync(join(cwd, 'gateway.yaml'), text('GET /b'));
    gateway.signal('SIGHUP');
    await expect.poll(statuses, { timeout: 10_000 }).toEqual([403, 200]);
    await expect.poll(() => existsSync(log), { timeout: 5_000 }).toBe(true);
    writeFileSync(join(cwd, 'gateway.yaml'), text('b'));
    gateway.signal('SIGHUP');
    await expect
      .poll(gateway.said, { timeout: 10_000 })
      .toMatch(/not taken, the old one stays: \S*gateway\.yaml:4:\d+: policy\.routes\[0\]/);
    expect(await statuses()).toEqual([403, 200]);
    gateway.signal('SIGTERM');
    expect((await gateway.ended).code).toBe(0);
    const paths = readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"verdict"'))
      .map((line) => JSON.parse(line).path);
    expect(paths).toContain('/b');
  });

  it('says in one line why it cannot start', async () => {
    const cwd = temporaryDirectory();
    keysIn(cwd);
    const { port } = service.address() as AddressInfo;
    const args = ['--upstream', upstream, '--keys', 'keys.json'];
    const taken = await run(['gateway', ...args, '--listen', `127.0.0.1:${port}`], { cwd });
    expect(taken.code).toBe(2);
    expect(taken.stderr).toMatch(
      /^countersign: .*proxy\.listen: cannot listen on .* \(something else listens there\)\n/,
    );
    for (const [wrong, words] of [
      [['--upstream', upstream], 'needs --keys'],
      [['--keys', 'keys.json'], 'goes with --upstream'],
      [[...args, '--config', 'gateway.yaml'], 'goes without --config'],
      [['--config', 'none.yaml'], 'none.yaml: cannot be read (ENOENT)'],
      [[...args, '--listen', 'here'], 'proxy.listen: must match pattern'],
    ] as const) {
      const { code, stderr, stdout } = await run(['gateway', ...wrong], { cwd });
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toContain(words);
    }
  });
});

describe('countersign gateway check', () => {
  const proxy = `proxy: { listen: '127.0.0.1:0', upstream: '${upstream}' }\n`;
  it('tells that a configuration can be used, and starts nothing', async () => {
    const cwd = temporaryDirectory();
    keysIn(cwd);
    const path = configIn(cwd, `${HEAD}${POLICY}${proxy}`);
    for (const args of [['--config', path], []]) {
      expect(await run(['gateway', 'check', ...args], { cwd })).toMatchObject({
        code: 0,
        stderr: '',
        stdout: expect.stringMatching(/gateway\.yaml: can be used\n$/),
      });
    }
  });

  it.each([
    ['YAML that is none', `${HEAD}policy: [\n`, /gateway\.yaml:[34]:\d+: /],
    ['an unknown name', `${HEAD}prosy: 1\n`, /gateway\.yaml:3:1: unknown name "prosy"/],
    [
      'a rule that is none',
      `${HEAD}policy:\n  routes:\n    - GET /a\n    - v1\n${proxy}`,
      /:6:\d+: policy\.routes\[1\]/,
    ],
    [
      'a key file that is not there',
      `hosts: [a]\nkeys: { file: no.json }\n${proxy}`,
      /:2:9: keys\.file: cannot read/,
    ],
    [
      'a certificate that is not there',
      `${HEAD}proxy:\n  listen: '127.0.0.1:0'\n  upstream: ${upstream}\n  tls:\n    cert: no.pem\n    key: no.pem\n`,
      /:7:5: proxy\.tls\.cert: cannot read/,
    ],
    [
      'a certificate that is none',
      `${HEAD}proxy:\n  listen: '127.0.0.1:0'\n  upstream: ${upstream}\n  tls:\n    cert: keys.json\n    key: keys.json\n`,
      /:7:5: proxy\.tls\.cert: cannot be used/,
    ],
    [
      'a port for others to sign by',
      `egress:\n- listen: 0.0.0.0:7000\n  origin: https://a.example\n  credential: a\n  secret: ${SECRET}\n`,
      /:2:3: egress\[0\]\.listen: 0\.0\.0\.0:7000 can be reached from other machines/,
    ],
    [
      'a secret that is too short',
      `egress:\n- listen: 127.0.0.1:7000\n  origin: https://a.example\n  credential: a\n  secret: csk_c2hvcnQ\n`,
      /:5:3: egress\[0\]\.secret: /,
    ],
  ])('names the line of %s', async (_, text, where) => {
    const cwd = temporaryDirectory();
    keysIn(cwd);
    configIn(cwd, text);
    const { code, stdout, stderr } = await run(['gateway', 'check'], { cwd });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(where);
    expect(stderr).not.toMatch(/csk_[\w-]|c2hvcnQ/);
  });
});

it('countersign gateway check ends where something is wrong beside a Redis that was reached', async () => {
  const { url, close } = await useRedis();
  onTestFinished(close);
  const cwd = temporaryDirectory();
  keysIn(cwd);
  const tls = 'tls: { cert: no.pem, key: no.pem }';
  const proxy = `proxy: { listen: '127.0.0.1:0', upstream: '${upstream}', ${tls} }\n`;
  configIn(cwd, `${HEAD}nonces: { redis: '${url}' }\n${proxy}`);
  const child = start(['gateway', 'check'], { cwd });
  onTestFinished(() => void child.kill('SIGKILL'));
  const { code, stderr } = await resultOf(child);
  expect([code, stderr]).toEqual([2, expect.stringContaining('proxy.tls.cert: cannot read')]);
});

describe('countersign gateway explain', () => {
  const explained = async (...args: string[]) => {
    const cwd = temporaryDirectory();
    keysIn(cwd);
    configIn(cwd, `${HEAD}${POLICY}forwardAuth: { listen: '127.0.0.1:0' }\n`);
    return run(['gateway', 'explain', ...args, '--credential', CREDENTIAL], { cwd });
  };

  it('says which rule decides', async () => {
    const allowed = await explained('GET', '/v1/orders/7', '--address', '10.1.2.3');
    expect([allowed.code, allowed.stderr]).toEqual([0, '']);
    expect(allowed.stdout).toMatch(
      /^Allowed: GET \/v1\/orders\/7 by orders-service \(partners\)\n/,
    );
    expect(allowed.stdout).toContain('groups.partners.routes[0]');
    const elsewhere = await explained('GET', '/v1/orders/7', '--address', '192.0.2.1');
    expect([elsewhere.code, elsewhere.stdout]).toEqual([
      1,
      expect.stringMatching(/^Refused with address_not_allowed/),
    ]);
    const other = await explained('DELETE', '/v1/orders/7', '--json');
    expect(other.code).toBe(1);
    expect(JSON.parse(other.stdout)).toMatchObject({ allowed: false, code: 'permission_denied' });
    const encoded = await explained('GET', '/v1/orders/7%2F8', '--address', '10.1.2.3');
    expect([encoded.code, encoded.stdout]).toEqual([1, expect.stringContaining('allowInPath')]);
  });

  it('has nothing to say where there is no policy', async () => {
    const cwd = temporaryDirectory();
    keysIn(cwd);
    configIn(cwd, `${HEAD}forwardAuth: { listen: '127.0.0.1:0' }\n`);
    const args = ['gateway', 'explain', 'GET', '/', '--credential', 'a'];
    const { code, stderr } = await run(args, { cwd });
    expect([code, stderr]).toEqual([2, expect.stringContaining('policy: there is none')]);
  });
});
