import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import { createSigner } from '@countersign/client';
import { REFUSAL_CODES } from '@countersign/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blocksOf, ROOT } from './docs-blocks.js';
import { CREDENTIAL, KEY_FILE, SECRET } from './helpers.js';

const HOST = 'api.example.test';
const BLOCKS = blocksOf(readFileSync(join(ROOT, 'docs/events.md'), 'utf8'));
const [PLAIN = '', WITH_TELEMETRY = ''] = BLOCKS.filter(({ hint }) => hint === 'background').map(
  ({ text }) => text.trim(),
);
const signer = createSigner({ credential: CREDENTIAL, secret: SECRET });
const signed = () => signer.sign({ method: 'GET', url: `https://${HOST}/v1/orders?token=t0ken` });

interface Example {
  readonly port: number;
  /** What it wrote until it was ended as a supervisor would. */
  end(): Promise<string>;
}

/** The page's files as its reader has them, within the package that has pino and OpenTelemetry. */
async function save(): Promise<string> {
  const cache = join(ROOT, 'packages/cli/.cache');
  await mkdir(cache, { recursive: true });
  const directory = await mkdtemp(join(cache, 'events-'));
  await writeFile(join(directory, 'keys.json'), JSON.stringify(KEY_FILE));
  for (const { hint, text } of BLOCKS) {
    const name = /^file=(.+)$/.exec(hint)?.[1];
    if (name !== undefined) await writeFile(join(directory, name), text);
  }
  return directory;
}

async function start(cwd: string, command: string): Promise<Example> {
  const env = { PATH: process.env.PATH ?? '', PORT: '0' };
  const child = spawn('sh', ['-c', `exec ${command}`], { cwd, env });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      printed += chunk;
    });
  }
  const port = await portOf(child, () => printed);
  // A nonce store that starts empty first refuses what it may have accepted in an earlier life.
  await delay(1100);
  return {
    port,
    async end() {
      const ended = once(child, 'close');
      child.kill('SIGTERM');
      await ended;
      return printed;
    },
  };
}

function portOf(child: ChildProcess, printed: () => string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', () => {
      const found = /"port":([0-9]+).*"msg":"listening"/.exec(printed());
      if (found !== null) resolve(Number(found[1]));
    });
    child.once('close', () => reject(new Error(`it ended: ${printed()}`)));
  });
}

async function get(port: number, path: string, headers: Readonly<Record<string, string>>) {
  const options = { port, path, agent: false, headers: { ...headers, Host: HOST } };
  const asked = request(options).end();
  const [response] = await once(asked, 'response');
  await text(response);
  return response.statusCode;
}

/** One of each: accepted, replayed, another resource than was signed, not signed. */
async function callAll(port: number) {
  const headers = signed();
  const statuses = [
    await get(port, '/v1/orders?token=t0ken', headers),
    await get(port, '/v1/orders?token=t0ken', headers),
    await get(port, '/v1/invoices', signed()),
    await get(port, '/v1/orders', {}),
  ];
  expect(statuses).toEqual([200, 401, 401, 401]);
  return headers;
}
const CODES = ['accepted', 'authorization_missing', 'nonce_replayed', 'signature_mismatch'];

/** The lines of the log that tell of a verdict. */
function verdictsIn(printed: string) {
  const lines = printed.split('\n').filter((line) => line.startsWith('{"level"'));
  return lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg !== 'listening');
}

let directory: string;
beforeAll(async () => {
  directory = await save();
});
afterAll(() => rm(directory, { recursive: true }));

describe('docs/events.md, the log', () => {
  let printed: string;
  let headers: Readonly<Record<string, string>>;
  beforeAll(async () => {
    const example = await start(directory, PLAIN);
    headers = await callAll(example.port);
    printed = await example.end();
  });

  it('has a line for every verdict', () => {
    const info = { level: 30, msg: 'accepted', path: '/v1/orders', credential: CREDENTIAL };
    const refused = { level: 40, msg: 'refused', method: 'GET', remoteAddress: '127.0.0.1' };
    expect(verdictsIn(printed)).toMatchObject([
      { ...info, method: 'GET', remoteAddress: '127.0.0.1', duration: expect.any(Number) },
      { ...refused, path: '/v1/orders', code: 'nonce_replayed', stage: 9, credential: CREDENTIAL },
      { ...refused, path: '/v1/invoices', code: 'signature_mismatch', stage: 5 },
      { ...refused, path: '/v1/orders', code: 'authorization_missing', stage: 2 },
    ]);
  });

  it('holds no secret, no signature, no nonce and no query', () => {
    const [, signature = ''] = /Signature=(.+)$/.exec(headers.Authorization ?? '') ?? [];
    for (const hidden of [SECRET, SECRET.slice(4), signature, headers['X-Nonce'], 't0ken']) {
      expect(hidden).toMatch(/.{5}/);
      expect(printed).not.toContain(hidden);
    }
  });

  it('has the members that the page shows and explains, and no others', () => {
    const shown = JSON.parse(BLOCKS.find(({ language }) => language === 'json')?.text ?? '');
    const { level, time, pid, hostname, msg, ...event } = verdictsIn(printed)[1];
    expect(Object.keys({ type: msg, ...event })).toEqual(Object.keys(shown));
    expect(Object.keys(event.durations)).toEqual(Object.keys(shown.durations));
    const { code, stage, detail, credential, path } = event;
    expect(shown).toMatchObject({ code, stage, detail, credential, path });
    const page = readFileSync(join(ROOT, 'docs/events.md'), 'utf8');
    for (const member of Object.keys(shown)) {
      expect(page).toMatch(new RegExp(`^\\|.*\`${member}\`.* \\|`, 'm'));
    }
    const alarms = page.slice(page.indexOf('Worth an alarm')).match(/`(\w+)`/g) ?? [];
    expect(alarms.length).toBeGreaterThan(3);
    for (const alarm of alarms) expect(REFUSAL_CODES).toHaveProperty(alarm.slice(1, -1));
  });
});

interface Metric {
  readonly descriptor: { readonly name: string; readonly unit: string };
  readonly dataPoints: readonly {
    readonly attributes: Readonly<Record<string, string>>;
    readonly value: number & { readonly count: number; readonly sum: number };
  }[];
}

/** What `console.dir` printed of the metrics, by name. */
function metricsIn(printed: string): Readonly<Record<string, Metric>> {
  const objects = printed.match(/^\{\n[\s\S]*?^\}$/gm) ?? [];
  const metrics = objects.map((object) => runInNewContext(`(${object})`) as Metric);
  return Object.fromEntries(metrics.map((metric) => [metric.descriptor.name, metric]));
}

describe('docs/events.md, the metrics', () => {
  it('count verdicts by code, and measure how long they took in seconds', async () => {
    const example = await start(directory, WITH_TELEMETRY);
    await callAll(example.port);
    const printed = await example.end();
    const { 'countersign.verdicts': verdicts, 'countersign.duration': duration } =
      metricsIn(printed);
    const counted = verdicts?.dataPoints.map(({ attributes, value }) => [attributes.code, value]);
    expect(counted?.sort()).toEqual(CODES.map((code) => [code, 1]));

    const logged = verdictsIn(printed);
    for (const [type, count] of [
      ['accepted', 1],
      ['refused', 3],
    ] as const) {
      const point = duration?.dataPoints.find(({ attributes }) => attributes.type === type);
      const took = logged.filter(({ msg }) => msg === type).map((line) => line.duration);
      expect(point?.value.count).toBe(count);
      expect(point?.value.sum).toBeCloseTo(took.reduce((a, b) => a + b) / 1000, 9);
    }
    expect(duration?.descriptor.unit).toBe('s');
  });
});
