import { readFileSync } from 'node:fs';

/** One of the shared unit files: a list of cases for one function. */
export function units<T>(file: string): readonly (T & { readonly name: string })[] {
  const url = new URL(`../../../test-vectors/${file}`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')).units;
}
