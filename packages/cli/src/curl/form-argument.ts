import { FIELD_VALUE } from '@countersign/core';
import { usage } from '../exit.js';

/** One `-F`: a field of a form. */
export interface FormField {
  readonly name: string;
  /** `text` stands in `value`; `content` (`<`) and `file` (`@`) name a file there. */
  readonly kind: 'text' | 'content' | 'file';
  readonly value: string;
  readonly type: string | undefined;
  readonly filename: string | undefined;
}

const SPACE = /[ \t\n\v\f\r]/;

/**
 * Reads `name=content`, `name=@file` or `name=<file`, each with `;type=…` and `;filename=…`, as curl does. What curl takes with a
 * warning, or makes several parts of, is refused.
 *
 * @param isLiteral - the content is taken as it stands, as by --form-string
 */
export function parseFormArgument(text: string, isLiteral = false): FormField {
  const option = isLiteral ? '--form-string' : '-F';
  const equals = text.indexOf('=');
  if (equals < 1) throw usage(`${option} "${text}": expected name=content`);
  const name = text.slice(0, equals);
  const content = text.slice(equals + 1);
  if (isLiteral)
    return { name, kind: 'text', value: content, type: undefined, filename: undefined };
  if (content.startsWith('(')) {
    throw usage(`-F "${text}": nested parts are not made; quote the content if it begins with "("`);
  }
  const kind = content.startsWith('@') ? 'file' : content.startsWith('<') ? 'content' : 'text';
  const part = new PartReader(text, kind === 'text' ? equals + 1 : equals + 2, kind === 'file');
  const field = { name, kind, ...part.read() } as const;
  if (kind !== 'text' && field.value === '') throw usage(`-F "${text}": the file is not named`);
  if (kind === 'content' && field.filename !== undefined) {
    throw usage(`-F "${text}": filename= is for name=@file`);
  }
  return field;
}

/** Reads a word and the parameters behind it. */
class PartReader {
  readonly #text: string;
  readonly #separators: RegExp;
  #at: number;

  constructor(text: string, at: number, isFile: boolean) {
    this.#text = text;
    this.#at = at;
    this.#separators = isFile ? /[;,]/ : /;/; // a comma stands between files
  }

  read(): Pick<FormField, 'value' | 'type' | 'filename'> {
    const value = this.#word();
    let type: string | undefined;
    let typeFrom: number | undefined;
    let filename: string | undefined;
    while (this.#text[this.#at] === ';') {
      this.#at++;
      this.#skipSpace();
      if (typeFrom === undefined && this.#take('type=')) {
        this.#skipSpace();
        typeFrom = this.#at;
        type = this.#typeSince(typeFrom);
      } else if (this.#take('filename=')) {
        filename = this.#word();
        typeFrom = undefined;
      } else if (typeFrom !== undefined && !/^(?:headers|encoder)=/i.test(this.#rest())) {
        type = this.#typeSince(typeFrom); // such as ;charset=utf-8
      } else {
        throw this.#refused(
          `";${this.#rest()}" is not taken; quote the content if it is part of it`,
        );
      }
    }
    if (this.#at < this.#text.length) {
      throw this.#refused('one file for each -F; quote the name of a file that has a comma');
    }
    return { value, type, filename };
  }

  #rest(): string {
    return this.#text.slice(this.#at);
  }

  #skipSpace(): void {
    while (SPACE.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #take(prefix: string): boolean {
    if (!this.#rest().toLowerCase().startsWith(prefix)) return false;
    this.#at += prefix.length;
    return true;
  }

  /** Quoted, with `\"` and `\\`; else up to a separator, without the space around it. */
  #word(): string {
    this.#skipSpace();
    const quoted = /^"((?:\\["\\]|[^"])*)"[ \t\n\v\f\r]*/.exec(this.#rest());
    if (quoted === null) return this.#upToSeparator();
    this.#at += quoted[0].length;
    const next = this.#text[this.#at];
    if (next !== undefined && !this.#separators.test(next)) {
      throw this.#refused('something stands behind the closing quote');
    }
    return (quoted[1] as string).replace(/\\(["\\])/g, '$1');
  }

  #upToSeparator(): string {
    const from = this.#at;
    const length = this.#rest().search(this.#separators);
    this.#at = length === -1 ? this.#text.length : from + length;
    return this.#text.slice(from, this.#at).replace(/[ \t\n\v\f\r]+$/, '');
  }

  #typeSince(from: number): string {
    this.#upToSeparator();
    const type = this.#text.slice(from, this.#at).trim();
    if (!/^[^/ ]+\/[^;, ]+/.test(type) || !FIELD_VALUE.test(type)) {
      throw this.#refused(`";type=${type}": expected a media type such as text/plain`);
    }
    return type;
  }

  #refused(why: string): Error {
    return usage(`-F "${this.#text}": ${why}`);
  }
}
