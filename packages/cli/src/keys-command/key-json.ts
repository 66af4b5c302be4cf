import type { WrittenEntry } from './key-text.js';

interface JsonFile {
  keys: Record<string, unknown>[];
}

/** @throws TypeError that repeats nothing of the text */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The engine's message quotes the text around the fault, which may be a secret.
    const position = / at position [0-9]+(?: \(line [0-9]+ column [0-9]+\))?/.exec(String(error));
    throw new TypeError(`not valid JSON${position?.[0] ?? ''}`);
  }
}

/** The text with one key changed, indented as it is. */
export function editedJson(text: string, credential: string, key?: WrittenEntry): string {
  const file = readJson(text) as JsonFile;
  const index = file.keys.findIndex((entry) => entry.credential === credential);
  if (index < 0) file.keys.push({ ...key });
  else if (key === undefined) file.keys.splice(index, 1);
  else file.keys[index] = inOrderOf(file.keys[index] as object, key);
  const [, indentation = ''] = /^\s*\{\r?\n([ \t]+)/.exec(text) ?? [];
  const written = JSON.stringify(file, undefined, indentation);
  const [end = ''] = /\s*$/.exec(text) ?? [];
  return (text.includes('\r\n') ? written.replaceAll('\n', '\r\n') : written) + end;
}

/** Members that were there keep their places; the others stand where they usually do, before the secrets. */
function inOrderOf(before: object, { secrets, ...after }: WrittenEntry): Record<string, unknown> {
  const kept = Object.keys(before).filter((name) => name === 'secrets' || name in after);
  const added = Object.keys(after).filter((name) => !kept.includes(name));
  kept.splice(kept.indexOf('secrets'), 0, ...added);
  const values: Readonly<Record<string, unknown>> = { ...after, secrets };
  return Object.fromEntries(kept.map((name) => [name, values[name]]));
}
