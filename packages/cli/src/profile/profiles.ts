import type { AddOptions, ListOptions } from '../commands/profile.js';
import { usage } from '../exit.js';
import { readBytes } from '../input.js';
import { note, print, printable, style } from '../output.js';
import { changeProfiles } from './change-profiles.js';
import { checkName, checkProfile, type Profile } from './profile.js';
import { loadProfiles, noSuchProfile, profilePath } from './profile-file.js';
import { isStored, shownReference } from './secret-reference.js';

/** Keeps a profile. The first one is put in use. */
export async function addProfile(name: string, options: AddOptions): Promise<void> {
  checkName(name);
  const { credential, algorithm, origin: origins } = options;
  const secret =
    options.secret === '-' ? (await readBytes('-')).toString('utf8').trim() : options.secret;
  const given = { credential, algorithm, secret, origins };
  const profile = checkProfile(
    given,
    (member) => (member === 'origins' ? '--origin' : `--${member}`),
    process.cwd(),
  );
  const path = profilePath(process.env);
  let isFirst = false;
  await changeProfiles(path, (profiles) => {
    if (profiles.byName.has(name) && !options.replace) {
      throw usage(`there is a profile "${name}" already; give --replace, or another name`);
    }
    isFirst = profiles.byName.size === 0;
    profiles.byName.set(name, profile);
    if (isFirst) profiles.inUse = name;
  });
  if (isStored(secret)) {
    const typed =
      options.secret === '-'
        ? ''
        : '; the command line it was on may be in the history of your shell: give - to read it from standard input';
    tell(`the secret is stored in ${path}, which only you may read${typed}`);
  }
  if (isFirst) tell(`"${name}" is in use, as the first profile`);
}

/** Prints all profiles, and never a secret. */
export function listProfiles({ json }: ListOptions): void {
  const { inUse, byName } = loadProfiles(profilePath(process.env));
  const rows = [...byName].sort(([a], [b]) => (a < b ? -1 : 1));
  if (json) {
    const shown = rows.map(([name, profile]) => shownProfile(name, profile, inUse));
    print(JSON.stringify(shown, undefined, 2));
    return;
  }
  if (rows.length === 0) tell('there is none; add one with countersign profile add');
  const width = Math.max(...rows.map(([name]) => name.length), 0);
  for (const [name, { credential, origins }] of rows) {
    const mark = name === inUse ? style('green', '*') : ' ';
    print(`${mark} ${name.padEnd(width)}  ${[credential, ...origins].join('  ')}`);
  }
}

/** Puts a profile in use: it signs where no other is named. */
export async function selectProfile(name: string): Promise<void> {
  await changeProfiles(profilePath(process.env), (profiles) => {
    if (!profiles.byName.has(name)) throw noSuchProfile(`"${name}"`, profiles.byName);
    profiles.inUse = name;
  });
}

/** Forgets a profile. */
export async function removeProfile(name: string): Promise<void> {
  let wasInUse = false;
  await changeProfiles(profilePath(process.env), (profiles) => {
    if (!profiles.byName.delete(name)) throw noSuchProfile(`"${name}"`, profiles.byName);
    wasInUse = profiles.inUse === name;
    if (wasInUse) profiles.inUse = undefined;
  });
  if (wasInUse) tell('it was in use; now none is');
}

/** Prints one profile, the one in use unless another is named, without its secret. */
export function showProfile(given: string | undefined, { json }: ListOptions): void {
  const { inUse, byName } = loadProfiles(profilePath(process.env));
  const name = given ?? inUse;
  if (name === undefined) {
    throw usage('no profile is in use; name one, or choose one with countersign profile use');
  }
  const profile = byName.get(name);
  if (profile === undefined) throw noSuchProfile(`"${name}"`, byName);
  const shown = shownProfile(name, profile, inUse);
  if (json) {
    print(JSON.stringify(shown, undefined, 2));
    return;
  }
  const { secret, origins } = shown;
  print(`${style('bold', name)}${shown.inUse ? ' (in use)' : ''}`);
  print(`  credential: ${shown.credential} (${shown.algorithm})`);
  print(`  secret: ${secret === 'stored' ? 'stored with the profile' : printable(secret)}`);
  print(`  origins: ${origins.length === 0 ? 'any' : origins.join(', ')}`);
}

function shownProfile(name: string, profile: Profile, inUse: string | undefined) {
  const { credential, algorithm, secret, origins } = profile;
  return {
    name,
    inUse: name === inUse,
    credential,
    algorithm,
    secret: shownReference(secret),
    origins,
  };
}

function tell(message: string): void {
  note(printable(`countersign: profile: ${message}`));
}
