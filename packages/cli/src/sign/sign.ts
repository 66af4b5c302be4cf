import type { ExplainedSignature } from '@countersign/client';
import type { SignOptions } from '../commands/sign.js';
import { dateOf } from '../date-option.js';
import { asUsage, usage } from '../exit.js';
import { parseHeaderArgument } from '../header-argument.js';
import { readBytes } from '../input.js';
import { print } from '../output.js';
import { signerFor } from '../signer.js';
import { type BodyPiece, readPieces } from './body-pieces.js';
import { curlLine } from './curl-line.js';
import { type Field, withBodyFields } from './fields.js';

// What curl would ask for in answer is no part of the request that is signed.
const NOT_SIGNED = new Set(['accept']);

/** Prints the signature of one request in the form that was asked for. */
export async function sign(url: string, options: SignOptions): Promise<void> {
  const pieces = piecesOf(options);
  const date = dateOf(options.date);
  const { nonce } = options;
  const own = (options.header ?? []).map(headerOf);
  const { signer } = await signerFor(url, options, {
    ...(date === undefined ? {} : { now: () => date * 1000 }),
    ...(nonce === undefined ? {} : { nonce: () => nonce }),
  });
  const body = await readPieces(pieces, readBytes);

  const kind = body === undefined ? undefined : pieces[0]?.kind;
  const fields = withBodyFields(own, kind, NOT_SIGNED);
  const method = options.request ?? (body === undefined ? 'GET' : 'POST');
  const signature = asUsage(() => signer.explain({ method, url, headers: fields, body }));
  const headers = [...fields.filter(isNotHost), ...Object.entries(signature.headers)];
  switch (options.output) {
    case 'headers':
      for (const [name, value] of headers) print(`${name}: ${value}`);
      break;
    case 'json':
      print(toJson(method, url, headers, signature));
      break;
    case 'curl':
      print(curlLine({ method, url, headers, pieces, body }));
      break;
    case 'string-to-sign':
      process.stdout.write(signature.stringToSign);
      break;
  }
}

function piecesOf({ data = [], json = [] }: SignOptions): readonly BodyPiece[] {
  if (data.length > 0 && json.length > 0) throw usage('-d and --json cannot be mixed; give one');
  return [
    ...data.map((text): BodyPiece => ({ kind: 'data', text, strip: false, files: true })),
    ...json.map((text): BodyPiece => ({ kind: 'json', text, strip: false, files: true })),
  ];
}

function headerOf(text: string): Field {
  const { name, value, removed } = parseHeaderArgument(text);
  if (removed) throw usage(`-H "${text}": no value; write '${name};' for an empty one`);
  return [name, value];
}

function isNotHost([name]: Field): boolean {
  return name.toLowerCase() !== 'host';
}

/** Fields of one name become one, joined as RFC 9110 §5.3 allows. */
function toJson(
  method: string,
  url: string,
  headers: readonly Field[],
  { stringToSign }: ExplainedSignature,
): string {
  const byName = new Map<string, Field>();
  for (const [name, value] of headers) {
    const earlier = byName.get(name.toLowerCase());
    byName.set(
      name.toLowerCase(),
      earlier === undefined ? [name, value] : [earlier[0], `${earlier[1]}, ${value}`],
    );
  }
  const object = Object.fromEntries(byName.values());
  return JSON.stringify({ method, url, headers: object, stringToSign }, undefined, 2);
}
