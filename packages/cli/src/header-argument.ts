import { TOKEN, trimOws } from '@countersign/core';
import { usage } from './exit.js';

/** What a `-H` says: a field to send, or with an empty value (`Name:`, as in curl) one not to send. */
export interface HeaderArgument {
  readonly name: string;
  readonly value: string;
  readonly removed: boolean;
}

// A line break would begin another field, whatever carries the value on.
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/;

/** Reads `Name: value`, `Name;` (an empty value) or `Name:` (removal), as curl does, but strictly. */
export function parseHeaderArgument(text: string): HeaderArgument {
  if (text.startsWith('@')) {
    throw usage(`-H "${text}": files of header fields are not read; give each as -H 'Name: value'`);
  }
  if (CONTROL.test(text)) {
    throw usage(`-H "${text}": a line break or other control character cannot be sent`);
  }
  const colon = text.indexOf(':');
  const isEmptied = colon === -1 && text.endsWith(';');
  const name = isEmptied ? text.slice(0, -1) : text.slice(0, Math.max(colon, 0));
  if (!TOKEN.test(name)) throw usage(`-H "${text}": expected 'Name: value'`);
  const value = isEmptied ? '' : trimOws(text.slice(colon + 1));
  return { name, value, removed: !isEmptied && value === '' };
}

/** The field as curl takes it: nothing after a colon would remove it. */
export function curlHeader(name: string, value: string): string {
  return value === '' ? `${name};` : `${name}: ${value}`;
}
