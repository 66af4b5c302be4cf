import { readFileSync } from 'node:fs';
import { Ajv, type ErrorObject } from 'ajv';
import { type Document, isMap, isNode, isPair, LineCounter, parseDocument } from 'yaml';
import schema from '../../schema/gateway.schema.json' with { type: 'json' };
import type { GatewayConfig } from './config.js';

/** What is wrong with a configuration, and where. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly fault: string;

  /** @param place - `gateway.yaml:12:5`, or the path of the file alone */
  constructor(
    readonly place: string,
    fault: string,
  ) {
    // A secret may stand where a name belongs, and this ends up in logs.
    const shown = fault.replace(/(?:csk|ckek)_[A-Za-z0-9_-]+/g, '[secret]');
    super(`${place}: ${shown}`);
    this.fault = shown;
  }
}

/** A configuration, and where each of its values stands. */
export interface ConfigFile {
  readonly path: string;
  readonly config: GatewayConfig;
  /** The error with the place of the value that its message begins with, such as `policy.groups.a.routes[1]: …`. */
  located(error: unknown, prefix?: string): ConfigError;
}

let validate: ReturnType<Ajv['compile']> | undefined;

/**
 * Reads and checks a configuration, YAML or JSON.
 *
 * @throws ConfigError that names the line
 */
export function readConfig(path: string): ConfigFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(path, `cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  return parseConfig(text, path);
}

/** The same of a text. */
export function parseConfig(text: string, path: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const [broken] = document.errors;
  if (broken !== undefined) {
    const { line, col } = lines.linePos(broken.pos[0]);
    const [said = broken.message] = broken.message.split(' at line');
    throw new ConfigError(`${path}:${line}:${col}`, said);
  }
  const at = (steps: readonly (string | number)[]) => placeOf(document, lines, path, steps);
  const located = (error: unknown, prefix = ''): ConfigError => {
    if (error instanceof ConfigError) return error;
    const message = error instanceof Error ? error.message : String(error);
    const [, where = ''] = /^([^\s:]+): /.exec(message) ?? [];
    const full = prefix === '' || where === '' ? `${prefix}${where}` : `${prefix}.${where}`;
    return new ConfigError(at(stepsOf(full)), prefix === '' ? message : `${prefix}.${message}`);
  };
  const config: unknown = document.toJS() ?? {};
  const fault = faultOf(config);
  if (fault !== undefined) throw new ConfigError(at(fault.steps), fault.message);
  return { path, config: config as GatewayConfig, located };
}

/** The deepest value on the way that is there. */
function placeOf(
  document: Document,
  lines: LineCounter,
  path: string,
  steps: readonly (string | number)[],
): string {
  for (let length = steps.length; length > 0; length--) {
    const parent =
      length === 1 ? document.contents : document.getIn(steps.slice(0, length - 1), true);
    const last = steps[length - 1];
    const pair = isMap(parent)
      ? parent.items.find((item) => isPair(item) && String(item.key) === String(last))
      : undefined;
    const node = pair === undefined ? document.getIn(steps.slice(0, length), true) : pair.key;
    if (isNode(node) && node.range) {
      const { line, col } = lines.linePos(node.range[0]);
      return `${path}:${line}:${col}`;
    }
  }
  return path;
}

/** `a.b[1].c` as steps. Names have dots seldom, and then the place is that of what holds them. */
function stepsOf(path: string): (string | number)[] {
  return path
    .split(/\.|\[(\d+)\]/)
    .filter((step) => step !== undefined && step !== '')
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

function faultOf(config: unknown): { steps: (string | number)[]; message: string } | undefined {
  validate ??= new Ajv({ allErrors: true, strict: false }).compile(schema);
  if (validate(config)) return missingPart(config as GatewayConfig);
  const errors = validate.errors as ErrorObject[];
  // Of alternatives, what is wrong with the one that was meant says more than that none fits.
  const [error] = errors.toSorted((a, b) => weight(b) - weight(a)) as [ErrorObject];
  const steps = error.instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
  return { steps: stepsWith(error, steps), message: messageOf(error, steps) };
}

const WEIGHTS: Readonly<Record<string, number>> = {
  additionalProperties: 2,
  propertyNames: 2,
  oneOf: 0,
};

function weight({ keyword, instancePath }: ErrorObject): number {
  const depth = instancePath.split('/').length * 10;
  return depth + (WEIGHTS[keyword] ?? 1);
}

function stepsWith({ keyword, params }: ErrorObject, steps: (string | number)[]) {
  return keyword === 'additionalProperties'
    ? [...steps, params.additionalProperty as string]
    : steps;
}

// An object has numbers before all others, whatever the file says, and the first one encrypts.
const ENCRYPTION_ID =
  'an id of a key-encryption key must be neither a number, which would not keep its place, nor a key';

function messageOf({ keyword, params, message }: ErrorObject, steps: (string | number)[]): string {
  const where = steps.length === 0 ? '' : `${steps.join('.')}: `;
  if (keyword === 'additionalProperties')
    return `${where}unknown name "${params.additionalProperty}"`;
  if (keyword === 'required') return `${where}needs "${params.missingProperty}"`;
  if (keyword === 'enum') return `${where}expected one of ${params.allowedValues.join(', ')}`;
  if (keyword === 'oneOf') return `${where}expected one of its forms; see the schema`;
  // Of all that has names of its own, only keys.encryption restricts them.
  if (keyword === 'propertyNames') return `${where}${ENCRYPTION_ID}`;
  return `${where}${message}`;
}

/** What the schema cannot say. */
function missingPart(config: GatewayConfig) {
  const { proxy, forwardAuth, egress = [], hosts, keys } = config;
  if (proxy === undefined && forwardAuth === undefined && egress.length === 0) {
    return { steps: [], message: 'needs at least one of proxy, forwardAuth, egress' };
  }
  const verifies =
    proxy !== undefined ? 'proxy' : forwardAuth !== undefined ? 'forwardAuth' : undefined;
  if (verifies === undefined) return undefined;
  if (hosts === undefined) return { steps: [verifies], message: `${verifies}: needs hosts` };
  if (keys === undefined) return { steps: [verifies], message: `${verifies}: needs keys` };
  return undefined;
}
