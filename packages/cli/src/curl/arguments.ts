import { usage } from '../exit.js';
import type { BodyPiece } from '../sign/body-pieces.js';
import { type FormField, parseFormArgument } from './form-argument.js';
import { CURL_OPTIONS, whyRefused } from './options.js';

/** A curl command line, taken apart. */
export interface CurlArguments {
  readonly url: string;
  readonly request: string | undefined;
  readonly pieces: readonly BodyPiece[];
  readonly form: readonly FormField[];
  /** The file of -T. */
  readonly upload: string | undefined;
  readonly get: boolean;
  readonly head: boolean;
  /** As given to -H. */
  readonly headers: readonly string[];
  readonly userAgent: string | undefined;
  /** What curl gets as it is, since it changes nothing of the request. */
  readonly rest: readonly string[];
}

interface Given {
  readonly name: string;
  readonly value: string;
}

/** Reads arguments the way curl does. Whatever cannot be signed faithfully is refused by name. */
export function parseCurlArguments(args: readonly string[]): CurlArguments {
  const given = readGiven(args);
  const all = (name: string) => given.filter((one) => one.name === name).map((one) => one.value);
  const has = (name: string) => given.some((one) => one.name === name);
  const urls = all('--url');
  if (urls.length !== 1) {
    throw usage(
      urls.length === 0
        ? 'no URL; give one that begins with http:// or https://'
        : `${urls.length} URLs, "${urls[1]}" is the second; ${whyRefused('--next')}`,
    );
  }
  const url = urls[0] as string;
  if (!/^https?:\/\//i.test(url)) {
    throw usage(`"${url}": expected a URL that begins with http:// or https://`);
  }
  if (all('--output').length > 1) throw usage('-o is given twice; there is one answer to write');
  if (all('--write-out').some((format) => format === '@-')) {
    throw usage('-w @- is not possible: curl reads its configuration from there; use -w @file');
  }
  const pieces = given.flatMap(pieceOf);
  const form = given.flatMap(formFieldOf);
  const uploads = all('--upload-file');
  checkBodies({
    '--json': pieces.some(({ kind }) => kind === 'json'),
    '-d': pieces.some(({ kind }) => kind === 'data'),
    '-F': form.length > 0,
    '-T': uploads.length > 0,
    '-G': has('--get'),
    '-I': has('--head'),
  });
  if (uploads.length > 1) throw usage(`-T is given twice; ${whyRefused('--next')}`);
  return {
    url,
    request: all('--request').at(-1),
    pieces,
    form,
    upload: uploads[0],
    get: has('--get'),
    head: has('--head'),
    headers: all('--header'),
    userAgent: all('--user-agent').at(-1),
    rest: given.flatMap(restOf),
  };
}

/** Which options that make a body, or none, are there. */
function checkBodies(given: Readonly<Record<string, boolean>>): void {
  const bodies = ['--json', '-d', '-F', '-T'].filter((name) => given[name]);
  const [first, second] = bodies;
  if (second !== undefined) throw usage(`${first} and ${second} cannot be mixed; give one`);
  if (first === undefined) return;
  if (given['-G'] && (first === '-F' || first === '-T')) {
    throw usage(`-G and ${first} cannot be mixed; -G puts what -d gives into the URL`);
  }
  if (given['-I'] && !given['-G']) {
    throw usage('-I and a body cannot be mixed; curl sends no body with -I');
  }
}

function readGiven(args: readonly string[]): readonly Given[] {
  const given: Given[] = [];
  let i = 0;
  const take = (spelling: string, attached: string): boolean => {
    const option = CURL_OPTIONS.get(spelling);
    if (option === undefined) throw usage(`${spelling} is refused: ${whyRefused(spelling)}`);
    if (!option.value) {
      given.push({ name: option.name, value: '' });
      return false;
    }
    const value = attached === '' ? args[++i] : attached;
    if (value === undefined) throw usage(`${spelling} needs a value`);
    given.push({ name: option.name, value });
    return true;
  };
  let onlyUrls = false;
  for (; i < args.length; i++) {
    const argument = args[i] as string;
    if (onlyUrls || !argument.startsWith('-')) given.push({ name: '--url', value: argument });
    else if (argument === '--') onlyUrls = true;
    else if (argument.startsWith('--')) long(argument, take);
    else cluster(argument, take);
  }
  return given;
}

type Take = (spelling: string, attached: string) => boolean;

function long(argument: string, take: Take): void {
  const name = argument.split('=', 1)[0] as string;
  if (name !== argument && CURL_OPTIONS.has(name)) {
    throw usage(
      `${name}=…: curl does not take a value after "="; write ${name} and then the value`,
    );
  }
  take(name, '');
}

/** `-sSf`, `-XPOST`, `-sd@file`: letters up to the first that takes a value, which is the rest or the next argument. */
function cluster(argument: string, take: Take): void {
  if (argument === '-') throw usage('"-" is no URL; give one that begins with http:// or https://');
  for (let at = 1; at < argument.length; at++) {
    if (take(`-${argument[at]}`, argument.slice(at + 1))) return;
  }
}

function pieceOf({ name, value: text }: Given): readonly BodyPiece[] {
  switch (name) {
    case '--data':
      return [{ kind: 'data', text, strip: true, files: true }];
    case '--data-binary':
      return [{ kind: 'data', text, strip: false, files: true }];
    case '--data-raw':
      return [{ kind: 'data', text, strip: false, files: false }];
    case '--data-urlencode':
      return [urlencodedPiece(text)];
    case '--json':
      return [{ kind: 'json', text, strip: false, files: true }];
    default:
      return [];
  }
}

/** `content`, `=content`, `name=content`, `@file` or `name@file`; a `=` outweighs a `@`, wherever they stand. */
function urlencodedPiece(text: string): BodyPiece {
  const equals = text.indexOf('=');
  const at = equals === -1 ? text.indexOf('@') : equals;
  const files = equals === -1 && at !== -1;
  return {
    kind: 'data',
    text: files ? text.slice(at) : text.slice(at + 1),
    strip: false,
    files,
    encodedBehind: at > 0 ? `${text.slice(0, at)}=` : '',
  };
}

function formFieldOf({ name, value }: Given): readonly FormField[] {
  if (name === '--form') return [parseFormArgument(value)];
  if (name === '--form-string') return [parseFormArgument(value, true)];
  return [];
}

const HARMLESS = new Set([
  '--output',
  '--include',
  '--silent',
  '--show-error',
  '--verbose',
  '--fail',
  '--fail-with-body',
  '--max-time',
  '--connect-timeout',
  '--insecure',
  '--write-out',
]);

function restOf({ name, value }: Given): readonly string[] {
  if (!HARMLESS.has(name)) return [];
  return CURL_OPTIONS.get(name)?.value ? [name, value] : [name];
}
