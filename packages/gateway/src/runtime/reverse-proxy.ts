import { createSigner } from '@countersign/client';
import { AddressList, type Verifier } from '@countersign/server';
import { createPolicy, type Policy } from '@countersign/server/policy';
import type { GatewayConfig, ProxyConfig } from '../config/config.js';
import { type References, readText, resolvePath, textOf } from '../config/reference.js';
import type { IsTrusted } from '../proxy/caller-address.js';
import { UPGRADES, upgradesOf } from '../proxy/handshake.js';
import { RESIGNED_FIELDS, type Resign } from '../proxy/resign.js';
import { createReverseProxy, type ReverseProxy } from '../proxy/reverse-proxy.js';
import { SPOOL } from '../proxy/spooled-body.js';
import { Upstreams } from '../proxy/upstreams.js';
import type { Keep, Observers } from './runtime.js';

const MIB = 1024 * 1024;

/** Whether an address is among those of `trustedProxies`. */
export function trustOf(blocks: readonly string[] = []): IsTrusted {
  const list = new AddressList();
  for (const block of blocks) list.add(block);
  return (address) => address !== undefined && list.has(address);
}

/** @throws TypeError or RangeError that begins with the path of the bad value */
export function proxyOf(
  { trustedProxies, proxy }: GatewayConfig,
  verifier: Verifier,
  policy: Policy | undefined,
  references: References,
  { onDecision, throttle }: Observers,
  keep: Keep,
): ReverseProxy {
  const config = proxy as ProxyConfig;
  const {
    upstream,
    stream,
    memoryBytes = SPOOL.memoryBytes,
    spoolDirectory,
    upgrades = UPGRADES,
  } = config;
  const { ca, ...origins } =
    typeof upstream === 'string' ? { origins: [upstream], ca: undefined } : upstream;
  const authority = ca === undefined ? undefined : readText(references, ca, 'proxy.upstream.ca');
  const upstreams = keep(new Upstreams({ ...origins, ca: authority }));
  const directory =
    spoolDirectory === undefined ? SPOOL.directory : resolvePath(references, spoolDirectory);
  const streaming = stream === undefined ? undefined : streamsOf(stream.routes);
  return createReverseProxy({
    verifier,
    upstreams,
    policy,
    onExchange: (exchange) => onDecision(exchange, policy),
    throttle,
    isTrusted: trustOf(trustedProxies),
    upgrades: checkedUpgrades(upgrades),
    spool: { memoryBytes, directory },
    ...(stream === undefined
      ? {}
      : {
          streams: streaming,
          streamVerifier: verifier.route({
            body: 'stream',
            maxBodyBytes: stream.maxBodyBytes ?? 1024 * MIB,
            bodyTimeout: stream.bodyTimeout ?? 600_000,
          }),
        }),
    ...(config.sign === undefined ? {} : { resign: resignOf(config.sign, references) }),
  });
}

function checkedUpgrades(names: readonly string[]): readonly string[] {
  try {
    return upgradesOf(names);
  } catch (error) {
    throw new TypeError(`proxy.${(error as Error).message}`);
  }
}

/** Routes as a policy has them, so that they mean the same. */
function streamsOf(routes: readonly string[]) {
  let policy: Policy;
  try {
    policy = createPolicy({ routes, allowInPath: ['%2F', '%5C', ';'] });
  } catch (error) {
    throw new TypeError(`proxy.stream.${(error as Error).message}`);
  }
  return (method: string, target: string) =>
    policy.decide({ credential: '', method, target }).allowed;
}

function resignOf(key: NonNullable<ProxyConfig['sign']>, references: References): Resign {
  const secret = textOf(references, key.secret, 'proxy.sign.secret');
  try {
    return { signer: createSigner({ ...key, secret, signedHeaders: [...RESIGNED_FIELDS] }) };
  } catch (error) {
    throw new TypeError(`proxy.sign.${(error as Error).message}`);
  }
}
