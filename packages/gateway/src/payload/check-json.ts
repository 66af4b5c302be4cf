import type { PayloadRules } from '@countersign/server/policy';
import { visit } from 'jsonc-parser';
import { stop } from './payload-fault.js';
import { PayloadLimits } from './payload-limits.js';

const STRICT = { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false };

/** Goes through a JSON text once (RFC 8259), without making values of it. */
export function checkJson(text: string, rules: PayloadRules): void {
  const limits = new PayloadLimits(rules);
  // Names of the objects that are open, the innermost last; a list has none, but keeps the levels even.
  const open: Set<string>[] = [];
  visit(
    text,
    {
      onObjectBegin() {
        limits.enter();
        open.push(new Set());
      },
      onObjectProperty(name) {
        limits.name(name);
        const names = open.at(-1) as Set<string>;
        if (names.has(name)) {
          stop('payload_malformed', 'The body has a name twice in one object.');
        }
        names.add(name);
      },
      onObjectEnd() {
        limits.leave();
        open.pop();
      },
      onArrayBegin: () => limits.enter(),
      onArrayEnd: () => limits.leave(),
      onLiteralValue(value, _, length) {
        limits.length(typeof value === 'string' ? value.length : length);
      },
      onError: () => stop('payload_malformed', 'The body is not JSON.'),
    },
    STRICT,
  );
}
