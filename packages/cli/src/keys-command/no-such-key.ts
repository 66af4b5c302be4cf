import { usage } from '../exit.js';

/** Says how to find those there are. */
export function noSuchKey(credential: string, name: string): Error {
  return usage(`there is no key "${credential}" in ${name}; see countersign keys list`);
}
