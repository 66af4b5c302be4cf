import {
  type Document,
  isCollection,
  isScalar,
  LineCounter,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { parseStrictly } from '../yaml-keys.js';
import type { WrittenEntry, WrittenSecret } from './key-text.js';

/** @throws TypeError that names the line, and repeats nothing of the text */
export function readYaml(text: string): unknown {
  return parseStrictly(text, new LineCounter()).toJS();
}

/** The text with one key changed; comments, order and quotes stay. */
export function editedYaml(text: string, credential: string, key?: WrittenEntry): string {
  const document = parseStrictly(text, new LineCounter());
  const keys = document.get('keys') as YAMLSeq<YAMLMap>;
  const style = styleOf(text, keys);
  const index = keys.items.findIndex((item) => item.get('credential') === credential);
  const item = keys.items[index];
  if (key === undefined) {
    if (item !== undefined) keys.items.splice(index, 1);
  } else if (item === undefined) {
    if (keys.items.length === 0) keys.flow = false;
    keys.add(nodeLike(document, key, keys.items.at(-1)));
  } else editKey(document, item, key);
  const written = document.toString({ lineWidth: 0, ...style });
  return text.includes('\r\n') ? written.replace(/\r?\n/g, '\r\n') : written;
}

function editKey(document: Document, item: YAMLMap, { secrets, ...others }: WrittenEntry): void {
  setMembers(document, item, ['algorithm', 'status', 'group'], others, 'secrets');
  const list = item.get('secrets') as YAMLSeq<YAMLMap>;
  const old = [...list.items];
  list.items = secrets.map((secret) => {
    const at = old.findIndex((node) => node.get('secret') === secret.secret);
    const [node] = at < 0 ? [] : old.splice(at, 1);
    if (node === undefined) return nodeLike(document, secret, list.items.at(-1));
    setMembers(document, node, ['id', 'notBefore', 'notAfter'], secret);
    return node;
  });
}

/** @param end - the member before which those stand that are new */
function setMembers(
  document: Document,
  map: YAMLMap,
  names: readonly string[],
  values: Readonly<Record<string, unknown>> | Omit<WrittenEntry, 'secrets'> | WrittenSecret,
  end?: string,
): void {
  for (const name of names) {
    const value = (values as Readonly<Record<string, unknown>>)[name];
    const node = map.get(name, true);
    if (value === undefined) map.delete(name);
    else if (isScalar(node)) node.value = value;
    else {
      const at = map.items.findIndex(({ key }) => isScalar(key) && key.value === end);
      map.items.splice(
        at < 0 ? map.items.length : at,
        0,
        document.createPair(name, value) as never,
      );
    }
  }
}

/** A new node that is written in braces or in lines as its neighbour is. */
function nodeLike(document: Document, value: object, neighbour: YAMLMap | undefined): YAMLMap {
  const node = document.createNode(value) as YAMLMap;
  if (neighbour?.flow) node.flow = true;
  return node;
}

/** How the text is indented, and whether its braces are padded. */
function styleOf(text: string, keys: YAMLSeq) {
  const [first] = keys.items;
  const start = isCollection(first) && !keys.flow ? (first.range?.[0] ?? 0) : 0;
  const line = text.slice(text.lastIndexOf('\n', start - 1) + 1, start);
  const dash = /^( *)- /.exec(line);
  const column = dash?.[1]?.length;
  return {
    indentSeq: column !== 0,
    ...(column === undefined || column === 0 || column > 8 ? {} : { indent: column }),
    flowCollectionPadding: !/[{[][^\s{}[\]]/.test(braces(text)),
  };
}

/** The text without comments and quoted texts, in which braces mean nothing. */
function braces(text: string): string {
  return text.replace(/"(?:[^"\\\n]|\\.)*"|'[^'\n]*'/g, 'x').replace(/(^|\s)#.*$/gm, '$1');
}
