import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Secret } from '@countersign/core';
import { asUsage, systemCode, unavailable, usage } from '../exit.js';
import type { Environment } from './profile.js';

const EXPECTED = 'expected csk_…, env:NAME or file:PATH';

/**
 * A secret as a profile keeps it: `csk_…`, `env:NAME`, or `file:` with an absolute path.
 *
 * @param source - what the text is called where it is refused; the text itself is never repeated
 * @param directory - where a path that is not absolute begins
 */
export function checkReference(text: string, source: string, directory: string): string {
  if (/^(?:env|file):.*csk_/s.test(text)) {
    throw usage(`${source}: env: and file: take a name, not the secret itself`);
  }
  if (text.startsWith('env:')) {
    if (/^env:[A-Za-z_][A-Za-z0-9_]*$/.test(text)) return text;
    throw usage(`${source}: expected the name of an environment variable behind env:`);
  }
  if (text.startsWith('file:')) {
    const path = text.slice('file:'.length);
    if (path === '' || path.includes('\0')) throw usage(`${source}: expected a path behind file:`);
    return `file:${resolve(directory, path)}`;
  }
  if (!text.startsWith('csk_')) throw usage(`${source}: ${EXPECTED}`);
  secretFrom(text, source);
  return text;
}

/** What of a reference can be shown. */
export function shownReference(reference: string): string {
  return isStored(reference) ? 'stored' : reference;
}

/** True if the secret itself stands there. */
export function isStored(reference: string): boolean {
  return !/^(?:env|file):/.test(reference);
}

/** The environment variable that a reference names, if it names one. */
export function variablesOf(reference: string | undefined): readonly string[] {
  return reference?.startsWith('env:') ? [reference.slice('env:'.length)] : [];
}

/** The secret that a reference stands for now. */
export function secretOfReference(reference: string, source: string, env: Environment): Secret {
  const [variable] = variablesOf(reference);
  if (variable !== undefined) {
    const text = Object.hasOwn(env, variable) ? env[variable] : undefined;
    if (text === undefined || text === '') {
      throw usage(`${source}: ${variable} is not set in the environment`);
    }
    return secretFrom(text, `${source}: ${variable}`);
  }
  if (isStored(reference)) return secretFrom(reference, source);
  const path = reference.slice('file:'.length);
  return secretFrom(readText(path, source).trim(), `${source}: ${path}`);
}

/** The secret of a text; one that is none is refused by its source, and not repeated. */
export function secretFrom(text: string, source: string): Secret {
  return asUsage(
    () => Secret.from(text),
    (message) => message.replace('secret:', `${source}:`),
  );
}

function readText(path: string, source: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unavailable(`${source}: cannot read ${path} (${systemCode(error) ?? 'unreadable'})`);
  }
}
