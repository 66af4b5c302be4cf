import { canonicalHost, type HeaderFields, parseImfDate } from '@countersign/core';
import {
  createVerifier,
  type KeyStore,
  memoryNonceStore,
  type Verifier,
} from '@countersign/server';
import type { VerifyOptions } from '../commands/verify.js';
import { asUsage, EXIT, usage } from '../exit.js';
import { readBytes } from '../input.js';
import { keysOfEnvironment, keysOfFile } from '../keys.js';
import { wholeNumber } from '../options.js';
import { note, print } from '../output.js';
import { checkRawRequest } from './raw-request.js';
import { reportJson, reportText } from './report.js';

/** Checks one request and prints the verdict. */
export async function verify(options: VerifyOptions): Promise<number> {
  const keys =
    options.keys === undefined ? await keysOfEnvironment() : await keysOfFile(options.keys);
  const rules = rulesOf(options, keys);
  const hosts = options.host;
  if (hosts === undefined) note('countersign: verify: the host is not checked; give --host');
  else verifierFor(hosts, rules);

  const checked = await checkRawRequest(await readBytes(options.request), (fields) =>
    verifierFor(hosts ?? [ownHost(fields)], rules),
  );
  print(options.json ? reportJson(checked) : reportText(checked));
  return checked.verdict.verdict === 'accepted' ? EXIT.done : EXIT.refused;
}

interface Rules {
  readonly keys: KeyStore;
  readonly skew: number;
  readonly now: () => number;
}

function rulesOf({ now, skew }: VerifyOptions, keys: KeyStore): Rules {
  const seconds = now === undefined ? undefined : parseImfDate(now);
  if (now !== undefined && seconds === undefined) {
    throw usage(`--now "${now}": expected a date such as "Wed, 01 Jan 2020 12:00:30 GMT"`);
  }
  return {
    keys,
    skew: skew === undefined ? 300 : wholeNumber('--skew', skew),
    now: seconds === undefined ? Date.now : () => seconds * 1000,
  };
}

function verifierFor(hosts: readonly string[], { keys, skew, now }: Rules): Verifier {
  return asUsage(
    () => {
      const nonces = memoryNonceStore({ start: 'fresh', skew, now });
      return createVerifier({ keys, nonces, hosts, skew, now });
    },
    (message) => message.replace(/^hosts\[[0-9]+\]:/, '--host:').replace(/^skew:/, '--skew:'),
  );
}

/** The host the request names. What has no canonical form is refused whatever the list says. */
function ownHost(fields: HeaderFields): string {
  const host = canonicalHost(fields.get('host') ?? '');
  return typeof host === 'string' ? host : 'localhost';
}
