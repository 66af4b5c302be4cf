import type { Conditions, MatrixCase } from './cases.js';
import { altered, duplicated } from './wire/altered.js';
import { credentials, crowded, hosts } from './wire/fields.js';
import { honest } from './wire/honest.js';
import { misframed, misspelt } from './wire/malformed.js';
import { Requests } from './wire/requests.js';
import { retargeted } from './wire/targets.js';

/** Requests that no vector can hold: framing, spelling on the wire, and what the URL parsers of frameworks make of targets. */
export function wireCases(conditions: Conditions): readonly MatrixCase[] {
  const make = new Requests(conditions);
  return [
    ...honest(make),
    ...altered(make),
    ...duplicated(make),
    ...misframed(make),
    ...misspelt(make),
    ...retargeted(make),
    ...credentials(make),
    ...hosts(make),
    ...crowded(make),
  ].map(([name, request, expected]) => make.caseOf(`wire: ${name}`, request, expected));
}
