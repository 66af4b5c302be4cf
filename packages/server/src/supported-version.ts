import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * Refuses, at start-up, a version of a framework that the adapter was not made for. One that cannot be found is let pass.
 *
 * @throws Error that names both versions
 */
export function needsVersion(name: string, majors: readonly number[], from: string): void {
  const version = versionOf(name, from);
  if (version === undefined || majors.includes(Number.parseInt(version, 10))) return;
  throw new Error(
    `${name} ${version} is not supported: this adapter is for version ${majors.join(' or ')}`,
  );
}

function versionOf(name: string, from: string): string | undefined {
  try {
    let directory = dirname(createRequire(from).resolve(name));
    while (directory !== dirname(directory)) {
      const file = join(directory, 'package.json');
      const found = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
      if (found.name === name) return String(found.version);
      directory = dirname(directory);
    }
  } catch {
    // Not where this package can see it.
  }
  return undefined;
}
