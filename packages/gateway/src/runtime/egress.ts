import type { EgressConfig } from '../config/config.js';
import { type References, readText, textOf } from '../config/reference.js';
import { createEgressProxy, type EgressAnswer, type EgressProxy } from '../egress/egress-proxy.js';
import { isLocal, partsOf } from '../listen.js';

/** @throws TypeError or RangeError that begins with the path of the bad value */
export function egressOf(
  config: EgressConfig,
  at: string,
  references: References,
  onAnswer: (answer: EgressAnswer) => void,
): EgressProxy {
  const {
    listen,
    allowRemote = false,
    allowGroup: _,
    ca,
    secret,
    routes = [],
    ...options
  } = config;
  if (!isLocal(listen) && !allowRemote) {
    throw new TypeError(
      `${at}.listen: ${listen} can be reached from other machines, which would sign as you; say allowRemote: true if they may`,
    );
  }
  const secretOf = (text: string, where: string) => textOf(references, text, `${at}.${where}`);
  try {
    return createEgressProxy({
      ...options,
      secret: secretOf(secret, 'secret'),
      routes: routes.map((route, i) => ({
        ...route,
        secret: secretOf(route.secret, `routes[${i}].secret`),
      })),
      ca: ca === undefined ? undefined : readText(references, ca, `${at}.ca`),
      hosts: allowRemote || listen.startsWith('unix:') ? undefined : namesOf(listen),
      onAnswer,
    });
  } catch (error) {
    const { message } = error as Error;
    throw message.startsWith(at) ? error : new TypeError(`${at}.${message}`);
  }
}

/** A page that has its own name lead to this machine must not have its requests signed. */
function namesOf(listen: string): ReadonlySet<string> {
  const { port } = partsOf(listen);
  return new Set(['127.0.0.1', 'localhost', '[::1]'].map((host) => `${host}:${port}`));
}
