import { forwardTo, type Nginx, startNginx } from '@countersign/test-servers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Asked,
  ask as askNginx,
  HOST,
  NGINX,
  SOMEBODY_ELSE,
  startService,
} from './proxied.js';

const PEER = '198.51.100.7';
// The peer of a test is what nginx takes for the address of its own peer.
const PEERS = 'set_real_ip_from 127.0.0.1; real_ip_header X-Peer;';
// RFC 7239 wants an address of IPv6 in brackets and quotes.
const FORWARDED = `map $remote_addr $forwarded_for {
  ~^[0-9.]+$ "for=$remote_addr";
  default "for=\\"[$remote_addr]\\"";
}`;
const KEEP_HOST = 'proxy_set_header Host $http_host;';
const ADD_PEER = 'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;';
const SET_PEER = 'proxy_set_header Forwarded $forwarded_for;';
const location = (path: string, port: number, peer: string) =>
  `location ${path} { proxy_pass http://127.0.0.1:${port}; ${KEEP_HOST} ${peer} }\n`;

let nginx: Nginx;
let wary: number;
const ask = (path: string, more?: Asked) => askNginx(nginx, path, more);

beforeAll(async () => {
  const trusting = await startService({ trustedProxies: NGINX });
  wary = await startService({ trustedProxies: SOMEBODY_ELSE });
  const choosy = await startService({
    trustedProxies: NGINX,
    authorize: (_, { remoteAddress }) =>
      remoteAddress === PEER ? 'allowed' : 'address_not_allowed',
  });
  nginx = await startNginx({
    http: FORWARDED,
    server: [
      PEERS,
      forwardTo(trusting, { path: '/trusting/' }),
      forwardTo(wary, { path: '/wary/' }),
      forwardTo(choosy, { path: '/choosy/' }),
      location('/wary-same-host/', wary, ADD_PEER),
      location('/forwarded/', trusting, SET_PEER),
      location('/choosy-forwarded/', choosy, SET_PEER),
    ].join('\n'),
  });
}, 120_000);
afterAll(() => nginx?.close());

const from = (peer: string, headers: Readonly<Record<string, string>> = {}) => ({
  headers: { 'X-Peer': peer, ...headers },
});

describe('X-Forwarded-Host', () => {
  it('stands for the host if a trusted proxy sends it', async () => {
    const claimed = { headers: { 'X-Forwarded-Host': 'other.example.test' } };
    expect(await ask('/trusting/', claimed)).toMatchObject({ target: '/trusting/' });
    expect(await ask('/trusting/', { host: 'other.example.test' })).toBe('host_not_allowed');
  });

  it('means nothing from anybody else', async () => {
    expect(await ask('/wary/')).toBe('host_not_allowed');
    const headers = { 'X-Forwarded-Host': HOST };
    const internal = { port: wary, host: 'internal.example.test', headers };
    expect(await ask('/v1/orders', internal)).toBe('host_not_allowed');
    const other = { port: wary, headers: { 'X-Forwarded-Host': 'other.example.test' } };
    expect(await ask('/v1/orders', other)).toMatchObject({ target: '/v1/orders' });
  });
});

describe('the address of the caller', () => {
  it.each([PEER, '2001:db8::7'])('%s is the peer of a trusted proxy', async (peer) => {
    expect(await ask('/trusting/', from(peer))).toMatchObject({ remoteAddress: peer });
    expect(await ask('/forwarded/', from(peer))).toMatchObject({ remoteAddress: peer });
  });

  it('is not what the caller claims', async () => {
    const claims = from(PEER, { 'X-Forwarded-For': '192.0.2.1, 127.0.0.1' });
    expect(await ask('/trusting/', claims)).toMatchObject({ remoteAddress: PEER });
    const forwarded = from(PEER, { Forwarded: 'for=192.0.2.1' });
    expect(await ask('/forwarded/', forwarded)).toMatchObject({ remoteAddress: PEER });
  });

  it('is unknown where the caller adds the field that the proxy lets through', async () => {
    const unknown = { remoteAddress: null };
    const added = from(PEER, { 'X-Forwarded-For': '192.0.2.1' });
    expect(await ask('/forwarded/', added)).toMatchObject(unknown);
    const other = from(PEER, { Forwarded: 'for=192.0.2.1' });
    expect(await ask('/trusting/', other)).toMatchObject(unknown);
  });

  it('is the peer itself if that is no trusted proxy, whatever it says', async () => {
    const itself = { remoteAddress: '127.0.0.1' };
    expect(await ask('/wary-same-host/', from(PEER))).toMatchObject(itself);
    const headers = { 'X-Forwarded-For': PEER, Forwarded: `for=${PEER}` };
    expect(await ask('/v1/orders', { port: wary, headers })).toMatchObject(itself);
  });

  it('is what rules on addresses get', async () => {
    expect(await ask('/choosy/', from(PEER))).toMatchObject({ remoteAddress: PEER });
    const claims = { 'X-Forwarded-For': PEER };
    expect(await ask('/choosy/', from('192.0.2.1', claims))).toBe('address_not_allowed');
    expect(await ask('/choosy-forwarded/', from('192.0.2.1', claims))).toBe('address_not_allowed');
    expect(await ask('/choosy-forwarded/', from(PEER, { 'X-Forwarded-For': '192.0.2.1' }))).toBe(
      'address_not_allowed',
    );
  });
});
