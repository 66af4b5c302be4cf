import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { CREDENTIAL, file, run, temporaryDirectory } from './helpers.js';

/** A home of its own, and `profile` in it. */
export function home() {
  const directory = temporaryDirectory();
  const env = { XDG_CONFIG_HOME: directory };
  const path = join(directory, 'countersign', 'profiles.json');
  return {
    path,
    directory,
    profile: (args: readonly string[], input = '') =>
      run(['profile', ...args], { env, input, cwd: directory }),
    add: async (name: string, ...args: readonly string[]) => {
      const given = ['--credential', CREDENTIAL, '--secret', 'env:ORDERS_SECRET', ...args];
      const result = await run(['profile', 'add', name, ...given], { env, cwd: directory });
      expect(result).toMatchObject({ code: 0, stdout: '' });
      return result;
    },
    read: () => JSON.parse(readFileSync(path, 'utf8')),
    write(content: unknown, mode = 0o600) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
      chmodSync(path, mode);
    },
  };
}

/** Who may read and change a file. */
export const modeOf = (path: string) => statSync(path).mode & 0o777;
/** A profile as it is kept. */
export const PLAIN = {
  credential: CREDENTIAL,
  algorithm: 'HMAC-256',
  secret: 'env:A',
  origins: [],
};

/** Profiles as they are kept. */
export interface Written {
  readonly inUse?: string;
  readonly profiles: Readonly<Record<string, object>>;
}

/** A directory with these profiles; what `countersign` does there. */
export function homeWith({ inUse, profiles }: Written) {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'countersign'));
  const path = file(
    join(directory, 'countersign'),
    'profiles.json',
    JSON.stringify({ inUse, profiles }),
  );
  chmodSync(path, 0o600);
  return {
    directory,
    path,
    run: (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
      run(args, { env: { XDG_CONFIG_HOME: directory, ...env }, cwd: directory }),
  };
}

/** A profile to be kept. */
export const profile = (credential: string, secret: string, ...origins: readonly string[]) => ({
  credential,
  secret,
  origins,
});
