import type { MatrixAdapter, Outcome, SeenRequest } from './adapter.js';
import type { MatrixCase } from './cases.js';
import { exchange } from './exchange.js';
import { Ledger, type MatrixReport } from './ledger.js';
import { checkView, outcomeOf } from './outcome.js';
import { defaultConditions, vectorCases, vectorKeys } from './vector-cases.js';
import { watchedVerifier } from './watched-verifier.js';
import { wireCases } from './wire-cases.js';

/**
 * Sends every case of the verdict matrix to an adapter: the shared vectors, and requests that no polite client sends, as raw
 * bytes over sockets. Each must be accepted, refused with its code, or refused by the server under the adapter; its handler
 * must run once or not at all, and see what was signed; its nonce must be used once or not at all.
 *
 * @returns the report; its `faults` must be empty
 * @throws TypeError that names the option; and whatever `start` throws
 * @example expect((await verdictMatrix({ start: startMyServer })).faults).toEqual([]);
 */
export async function verdictMatrix(adapter: MatrixAdapter): Promise<MatrixReport> {
  const ledger = new Ledger(adapter.differs ?? []);
  const watched = watchedVerifier(vectorKeys());
  let seen: SeenRequest[] = [];
  const server = await adapter.start(watched.verifier, (request) => seen.push(request));

  const send = async (test: MatrixCase, faults: string[]): Promise<Outcome | 'silent'> => {
    seen = [];
    const reply = await exchange(server.port, test.bytes, test.method);
    if (reply === 'silent') return reply;
    const outcome = outcomeOf(reply, watched, seen, test, faults);
    if (outcome === test.expected) checkView(seen, test, adapter, faults);
    return outcome;
  };
  try {
    for (const test of [...vectorCases(), ...wireCases(defaultConditions())]) {
      const faults: string[] = [];
      watched.begin(test);
      const outcome = await send(test, faults);
      if (outcome === 'silent') {
        ledger.enter(test, 'server', ['no answer within 5 s; nothing more was tried']);
        break;
      }
      const claims = outcome === 'accepted' && test.usedOnce ? 1 : 0;
      if (watched.claims !== claims) {
        faults.push(`${watched.claims} nonces were used, expected ${claims}`);
      }
      if (claims === 1 && (await send(test, [])) !== 'nonce_replayed') {
        faults.push('sent once more it was not refused with nonce_replayed');
      }
      ledger.enter(test, outcome, faults);
    }
  } finally {
    await server.close();
  }
  return ledger.report();
}
