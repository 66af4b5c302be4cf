import { type KeyFileOptions, type KeyStore, keyFile } from '@countersign/server';
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';

/**
 * A key file written as YAML 1.2 (core schema): what JSON can say and nothing else, so one document, unique keys that are
 * strings, no anchors, aliases and tags.
 *
 * @param seen - turns what stands there into what is checked
 * @throws as `keyFile` does, with the line; no message repeats the text
 */
export function yamlKeyFile(
  path: string,
  options: KeyFileOptions,
  seen: (value: unknown) => unknown = (value) => value,
): KeyStore {
  const lines = new LineCounter();
  let document: Document | undefined;
  const parse = (text: string): unknown => {
    document = parseStrictly(text, lines);
    return seen(document.toJS());
  };
  try {
    return keyFile(path, { ...options, parse });
  } catch (error) {
    if (error instanceof Error && document !== undefined) {
      error.message = withLine(error.message, path, document, lines);
    }
    throw error;
  }
}

/** @throws TypeError that names the line */
export function parseStrictly(text: string, lines: LineCounter): Document {
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    strict: true,
    uniqueKeys: true,
    stringKeys: true,
    merge: false,
    resolveKnownTags: false,
    prettyErrors: false, // they quote the text around the fault, which may be a secret
    lineCounter: lines,
  });
  const refuse = (offset: number, why: string): never => {
    throw new TypeError(`line ${lines.linePos(offset).line}: not valid YAML (${why})`);
  };
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) refuse(fault.pos[0], fault.code.toLowerCase().replaceAll('_', ' '));
  visit(document, {
    Node(_, node) {
      const offset = node.range?.[0] ?? 0;
      if (isAlias(node) || node.anchor !== undefined) refuse(offset, 'anchors are not taken');
      if (node.tag !== undefined) refuse(offset, 'tags are not taken');
    },
  });
  return document;
}

/** Puts the line of what a message is about behind the name of the file. */
function withLine(message: string, path: string, document: Document, lines: LineCounter): string {
  const rest = message.startsWith(`${path}: `) ? message.slice(path.length + 2) : undefined;
  const at = rest === undefined ? null : /^[^\s:]+(?=: )/.exec(rest);
  if (rest === undefined || at === null) return message;
  const { line } = lines.linePos(offsetOf(at[0], document));
  return `${path}: line ${line}: ${rest}`;
}

/** Where `keys[0].secrets[1].notAfter` stands, or the last of its parents that is there. */
function offsetOf(at: string, { contents }: Document): number {
  let node = contents as Node | null | undefined;
  let offset = node?.range?.[0] ?? 0;
  for (const [step] of at.matchAll(/[^.[\]]+/g)) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === step);
      if (!isScalar(pair?.key)) break;
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value as Node | null;
    } else if (isSeq(node)) {
      node = node.items[Number(step)] as Node | undefined;
      offset = node?.range?.[0] ?? offset;
    }
  }
  return offset;
}
