import type { RequestListener } from 'node:http';
import type { OnEvent, Verifier } from '@countersign/server';
import { createPolicy, type Policy } from '@countersign/server/policy';
import type { ForwardAuthConfig, GatewayConfig } from '../config/config.js';
import type { ConfigFile } from '../config/read-config.js';
import type { References } from '../config/reference.js';
import type { EgressAnswer, EgressProxy } from '../egress/egress-proxy.js';
import { createForwardAuth } from '../forward-auth/forward-auth.js';
import { Busy } from '../proxy/busy.js';
import type { Exchange } from '../proxy/exchange.js';
import type { ReverseProxy } from '../proxy/reverse-proxy.js';
import { type Certificate, certificateOf } from './certificate.js';
import { egressOf } from './egress.js';
import type { SharedNonces } from './nonces.js';
import type { Counters } from './rates.js';
import { proxyOf, trustOf } from './reverse-proxy.js';
import type { OnStoreFault } from './stores.js';
import { type Verifying, verifierOf } from './verifying.js';

/** Who is told what the gateway does. */
export interface Observers {
  readonly onEvent: OnEvent | undefined;
  readonly onDecision: (exchange: Exchange, policy: Policy | undefined) => void;
  readonly onEgress: (answer: EgressAnswer) => void;
  readonly onFault: OnStoreFault;
  readonly throttle: ((address: string | undefined) => number | undefined) | undefined;
}

/** All that a configuration stands for; another one takes its place when the configuration changes. */
export interface Runtime {
  readonly config: GatewayConfig;
  readonly verifier: Verifier | undefined;
  readonly policy: Policy | undefined;
  readonly proxy: ReverseProxy | undefined;
  readonly forwardAuth: RequestListener | undefined;
  /** That which listens there; of several such, the one of this number. */
  egressAt(listen: string, i: number): EgressProxy | undefined;
  readonly certificate: Certificate | undefined;
  readonly nonces: SharedNonces | undefined;
  readonly counters: Counters | undefined;
  /** Whether all that it needs answers now; what does not, by its name. */
  health(): Promise<Readonly<Record<string, string>>>;
  /** Waits for what is under way and lets go of everything, but for the nonces if another one has taken them over. */
  close(next?: Runtime): Promise<void>;
}

/** Has something closed with all the rest. */
export type Keep = <T extends { close(): Promise<void> }>(made: T) => T;

/**
 * Makes everything anew that a configuration says. Nothing is left behind if that fails.
 *
 * @param before - what it is to take the place of, whose nonces it takes over
 * @throws ConfigError that names the line
 */
export async function createRuntime(
  file: ConfigFile,
  references: References,
  observers: Observers,
  before?: Runtime,
): Promise<Runtime> {
  const { config } = file;
  const opened: (() => Promise<void>)[] = [];
  const keep: Keep = (made) => {
    opened.push(() => made.close());
    return made;
  };
  const closeAll = () => Promise.all(opened.map((close) => close())).then(() => {});
  let verifying: Verifying | undefined;
  try {
    const policy = policyOf(file);
    if (config.forwardAuth !== undefined && policy?.uses.payload !== undefined) {
      // Whoever asks shows no body: a rule that nobody sees to would be no rule.
      throw new TypeError(
        `policy.${policy.uses.payload}: not with forwardAuth, which sees no bodies`,
      );
    }
    verifying = await verifierOf(config, policy, references, observers, keep, before);
    const { verifier, checks = {}, nonces, counters } = verifying ?? {};
    const { proxy: proxied, forwardAuth: asked } = config;
    const proxy =
      proxied === undefined || verifier === undefined
        ? undefined
        : proxyOf(config, verifier, policy, references, observers, keep);
    const egress = (config.egress ?? []).map((one, i) =>
      keep(egressOf(one, `egress[${i}]`, references, observers.onEgress)),
    );
    const asking = new Busy();
    const places = (config.egress ?? []).map(({ listen }) => listen);
    return {
      config,
      verifier,
      policy,
      proxy,
      forwardAuth:
        asked === undefined || verifying === undefined
          ? undefined
          : forwardAuthOf(config, asked, verifying.unsigning(), policy, observers, asking),
      egressAt: (listen, i) =>
        egress[config.egress?.[i]?.listen === listen ? i : places.indexOf(listen)],
      certificate: proxied?.tls === undefined ? undefined : certificateOf(proxied.tls, references),
      nonces,
      counters,
      health: () => healthOf(checks),
      async close(next) {
        await Promise.all([proxy?.idle(), asking.idle()]);
        await closeAll();
        if (next?.nonces?.own !== nonces?.own) await nonces?.close();
      },
    };
  } catch (error) {
    await closeAll();
    if (verifying?.nonces.own !== before?.nonces?.own) await verifying?.nonces.close();
    throw file.located(error);
  }
}

function policyOf(file: ConfigFile): Policy | undefined {
  if (file.config.policy === undefined) return undefined;
  try {
    return createPolicy(file.config.policy, { checksPayload: true });
  } catch (error) {
    throw file.located(error, 'policy');
  }
}

type Checks = Readonly<Record<string, { health?(): unknown }>>;

async function healthOf(checks: Checks): Promise<Readonly<Record<string, string>>> {
  const faults: Record<string, string> = {};
  const ask = async (name: string, store: { health?(): unknown }) => {
    const late = new Promise((_, reject) => {
      setTimeout(() => reject(new Error('no answer within 1 s')), 1_000).unref();
    });
    try {
      await Promise.race([store.health?.(), late]);
    } catch (error) {
      faults[name] = (error as Error).message;
    }
  };
  await Promise.all(Object.entries(checks).map(([name, store]) => ask(name, store)));
  return faults;
}

function forwardAuthOf(
  { trustedProxies }: GatewayConfig,
  { listen, trustedPeers, bodyCheck }: ForwardAuthConfig,
  verifier: Verifier,
  policy: Policy | undefined,
  { onDecision, throttle }: Observers,
  busy: Busy,
): RequestListener {
  if (listen.startsWith('unix:')) {
    throw new TypeError(
      'forwardAuth.listen: a socket of Unix tells no address to trust; use a port',
    );
  }
  const onExchange = (exchange: Exchange) => onDecision(exchange, policy);
  const isTrusted = trustOf(trustedProxies);
  const options = { trustedPeers, bodyCheck, throttle, isTrusted, onExchange };
  try {
    const answer = createForwardAuth({ verifier, ...options });
    return (request, response) => void busy.during(answer(request, response));
  } catch (error) {
    throw new TypeError(`forwardAuth.${(error as Error).message}`);
  }
}
