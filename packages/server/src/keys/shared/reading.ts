import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';

/** Notes what is read, to see later whether it is still the same. Holds no text, since texts are secrets here. */
export class Reading {
  readonly #paths = new Set<string>();
  readonly #hash = createHash('sha256');

  /** Every file that was asked for, those that could not be read too. */
  get paths(): readonly string[] {
    return [...this.#paths];
  }

  /**
   * The text of a file.
   *
   * @throws the error of the file system; TypeError if it is no regular file: a pipe would be waited for
   */
  readonly text = (path: string): string => {
    this.#paths.add(path);
    if (!statSync(path).isFile()) throw new TypeError(`${path}: expected a regular file`);
    const text = readFileSync(path, 'utf8');
    this.#hash.update(`${path.length}:${path}${text.length}:${text}`);
    return text;
  };

  /** Equal for equal files of equal contents. Can be asked once. */
  digest(): string {
    return this.#hash.digest('base64');
  }
}
