import type { Refusal } from '@countersign/core';
import type { Verifier } from '@countersign/server';
import { note, printable } from '../output.js';

/** The same verifier, with a line on standard error for each verdict. */
export function logged(verifier: Verifier): Verifier {
  const known = new WeakSet<Refusal>();
  return {
    ...verifier,
    async verify(view) {
      const verdict = await verifier.verify(view);
      if (verdict.verdict === 'refused') known.add(verdict);
      const outcome =
        verdict.verdict === 'accepted'
          ? `accepted ${verdict.identity.credential}`
          : refused(verdict);
      log(`${view.method} ${view.target} ${outcome}`);
      return verdict;
    },
    answer(refusal) {
      // What Node's parser refused is answered without having been verified.
      if (!known.has(refusal)) log(`(unreadable) ${refused(refusal)}`);
      return verifier.answer(refusal);
    },
  };
}

function refused({ code, detail }: Refusal): string {
  return `refused ${code}: ${detail}`;
}

function log(line: string): void {
  note(`${new Date().toISOString()} ${printable(line)}`);
}
