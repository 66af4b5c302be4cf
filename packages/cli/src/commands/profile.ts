import type { Command } from 'commander';
import { algorithmOption, collect } from '../options.js';

export interface AddOptions {
  readonly credential: string;
  readonly secret: string;
  readonly algorithm?: string;
  readonly origin?: readonly string[];
  readonly replace?: true;
}

export interface ListOptions {
  readonly json?: true;
}

/** `profile`: keys by name, and where each may be used. */
export function profileCommand(program: Command): void {
  const profile = program
    .command('profile')
    .description('Keep keys by name, and say which one signs.')
    .addHelpText(
      'after',
      `
Profiles are kept in $XDG_CONFIG_HOME/countersign/profiles.json, or ~/.config/countersign/profiles.json, which only you may
read. sign, curl and presign take --profile <name>. Options outweigh the environment (COUNTERSIGN_PROFILE,
COUNTERSIGN_CREDENTIAL, COUNTERSIGN_SECRET, COUNTERSIGN_ALGORITHM), and that the profile in use; a profile that --profile
names is not mixed with the environment. For an origin that is not among those of the profile nothing is signed or sent.

Examples:
  $ countersign profile add staging --credential orders-service --secret env:STAGING_SECRET --origin https://staging.example.com
  $ countersign profile use staging
  $ countersign curl --profile staging https://staging.example.com/v1/orders`,
    );
  addCommand(profile);
  listCommand(profile);
  useCommand(profile);
  removeCommand(profile);
  showCommand(profile);
}

function addCommand(profile: Command): void {
  profile
    .command('add')
    .description('Keep a key under a name. The first one is put in use.')
    .argument('<name>', 'what to call it')
    .requiredOption('--credential <id>', 'who signs')
    .requiredOption('--secret <secret>', 'env:NAME, file:PATH, - for standard input, or csk_…')
    .addOption(algorithmOption('algorithm of the key; HMAC-256 unless given'))
    .option('--origin <origin>', 'sign for this origin alone; repeatable', collect)
    .option('--replace', 'take the place of a profile of this name')
    .addHelpText(
      'after',
      `
env:NAME and file:PATH are kept as they are, and looked up whenever the profile signs. A secret that is given itself is
stored with the profile; on the command line ps shows it, and the shell remembers it.

Examples:
  $ countersign profile add staging --credential orders-service --secret env:STAGING_SECRET
  $ countersign profile add live --credential orders-service --secret file:/run/secrets/orders --origin https://api.example.com
  $ countersign profile add local --credential orders-service --secret - --origin http://localhost:8787 < secret.txt`,
    )
    .action(async (name: string, options: AddOptions) => {
      const { addProfile } = await import('../profile/profiles.js');
      await addProfile(name, options);
    });
}

function listCommand(profile: Command): void {
  profile
    .command('list')
    .description('Print the profiles; * marks the one in use.')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ countersign profile list\n  $ countersign profile list --json',
    )
    .action(async (options: ListOptions) => {
      const { listProfiles } = await import('../profile/profiles.js');
      listProfiles(options);
    });
}

function useCommand(profile: Command): void {
  profile
    .command('use')
    .description('Have a profile sign where no other is named.')
    .argument('<name>', 'which one')
    .addHelpText('after', '\nExamples:\n  $ countersign profile use staging')
    .action(async (name: string) => {
      const { selectProfile } = await import('../profile/profiles.js');
      await selectProfile(name);
    });
}

function removeCommand(profile: Command): void {
  profile
    .command('remove')
    .description('Forget a profile, and the secret that is stored with it.')
    .argument('<name>', 'which one')
    .addHelpText('after', '\nExamples:\n  $ countersign profile remove staging')
    .action(async (name: string) => {
      const { removeProfile } = await import('../profile/profiles.js');
      await removeProfile(name);
    });
}

function showCommand(profile: Command): void {
  profile
    .command('show')
    .description('Print a profile without its secret.')
    .argument('[name]', 'which one; the one in use unless given')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ countersign profile show\n  $ countersign profile show staging --json',
    )
    .action(async (name: string | undefined, options: ListOptions) => {
      const { showProfile } = await import('../profile/profiles.js');
      showProfile(name, options);
    });
}
