import type { KeyRecord } from '../key-store.js';
import { members, parseKeys } from '../static-keys.js';
import { namedError } from './named-error.js';
import { parseJson } from './parse-json.js';

/**
 * A key that is written down by itself: its secrets one after another, or JSON like that of a key file.
 *
 * @param where - what to call it in an error
 * @param credential - its name, or `undefined` if the JSON must have it
 * @param separator - what stands between secrets; white space around them and empty pieces are dropped
 * @throws TypeError or RangeError that begins with `where`, and repeats no secret
 */
export function writtenKey(
  where: string,
  credential: string | undefined,
  text: string,
  separator: RegExp,
): KeyRecord {
  try {
    const [record] = parseKeys([entryOf(credential, text.trim(), separator)], 'keys').values();
    return record as KeyRecord;
  } catch (error) {
    if (error instanceof Error) error.message = error.message.replace(/^keys\[0\]\.?/, '');
    throw namedError(where, error);
  }
}

function entryOf(credential: string | undefined, text: string, separator: RegExp): unknown {
  if (text.startsWith('{')) {
    const json = parseJson(text);
    if (credential === undefined) return json;
    return { credential, ...members(json, '(json)', ['algorithm', 'status', 'group', 'secrets']) };
  }
  const pieces = text.split(separator).map((piece) => piece.trim());
  const secrets = pieces.filter((piece) => piece !== '').map((secret) => ({ secret }));
  return { credential, secrets };
}
