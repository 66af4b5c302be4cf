import { createVerifier, type KeyStore, type NonceStore, type Verifier } from '@countersign/server';
import type { Policy } from '@countersign/server/policy';
import type { GatewayConfig } from '../config/config.js';
import type { References } from '../config/reference.js';
import { noncesOf, type SharedNonces } from './nonces.js';
import { type Counters, openRates } from './rates.js';
import type { Keep, Observers, Runtime } from './runtime.js';
import { openKeys } from './stores.js';

const MIB = 1024 * 1024;

export interface Verifying {
  readonly verifier: Verifier;
  /** The same, for those whose answers are not the gateway's. */
  readonly unsigning: () => Verifier;
  readonly nonces: SharedNonces;
  readonly counters: Counters;
  readonly checks: { readonly keys: KeyStore; readonly nonces: NonceStore };
}

/** Opens the stores and makes the verifier, if the configuration has anything to verify. */
export async function verifierOf(
  config: GatewayConfig,
  policy: Policy | undefined,
  references: References,
  { onEvent, onFault }: Observers,
  keep: Keep,
  before: Runtime | undefined,
): Promise<Verifying | undefined> {
  const { keys, hosts, proxy, skew = 300, trustedProxies } = config;
  if (keys === undefined || hosts === undefined) return undefined;
  const keyStore = keep(await openKeys(keys, references, onFault)).store;
  const { limitRate, counters } = await openRates(
    config.rateLimits,
    policy,
    references,
    keep,
    before?.counters,
  );
  const nonces = await noncesOf(config, references, before?.nonces, before === undefined);
  const make = (signResponses: boolean | undefined) =>
    createVerifier({
      keys: keyStore,
      nonces: nonces.store,
      hosts,
      skew,
      policy,
      limitRate,
      trustedProxies,
      disclosure: config.disclosure,
      presigned: config.presigned,
      signResponses,
      maxBodyBytes: proxy?.maxBodyBytes ?? 10 * MIB,
      bodyTimeout: proxy?.bodyTimeout,
      onEvent,
    });
  try {
    const checks = { keys: keyStore, nonces: nonces.store };
    const unsigning = () => make(false);
    return { verifier: make(config.signResponses), unsigning, nonces, counters, checks };
  } catch (error) {
    if (nonces.own !== before?.nonces?.own) await nonces.close();
    throw error;
  }
}
