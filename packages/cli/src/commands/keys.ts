import type { Command } from 'commander';
import { algorithmOption } from '../options.js';

/** Which store is meant. */
export interface StoreOptions {
  readonly keys?: string;
  readonly redis?: string;
  readonly prefix?: string;
  readonly postgres?: string;
  readonly table?: string;
  readonly config?: string;
}

export interface AddOptions extends StoreOptions {
  readonly algorithm?: string;
  readonly group?: string;
  readonly secretId?: string;
  readonly notAfter?: string;
  readonly json?: true;
}

export interface RotateOptions extends StoreOptions {
  readonly overlap: string;
  readonly secretId?: string;
  readonly notAfter?: string;
  readonly json?: true;
}

export interface ListOptions extends StoreOptions {
  readonly json?: true;
}

export interface AskedOptions extends StoreOptions {
  readonly yes?: true;
}

const TIME = 'when it ends, such as 2030-01-01T00:00:00Z (RFC 3339); never unless given';

/** `keys`: whoever manages keys, in a file or a database. */
export function keysCommand(program: Command): void {
  const keys = program
    .command('keys')
    .description('Manage the keys of a service, in a key file, Redis or PostgreSQL.')
    .addHelpText(
      'after',
      `
The store is that of an option (--keys, --redis, --postgres); else of the environment (COUNTERSIGN_KEYS, COUNTERSIGN_KEYS_REDIS,
COUNTERSIGN_KEYS_POSTGRES), which also keeps passwords out of the command line; else that of the configuration of a gateway
(--config, COUNTERSIGN_GATEWAY_CONFIG, or gateway.yaml). Keys of databases are encrypted: COUNTERSIGN_ENCRYPTION_KEYS has the
keys for that, ID:ckek_…,ID:ckek_…, of which the first encrypts; those of the configuration go with its own store.

Examples:
  $ countersign keys add orders-service --keys keys.yaml --group partners
  $ countersign keys rotate orders-service --keys keys.yaml --overlap 24h
  $ countersign keys list --config gateway.yaml
  $ COUNTERSIGN_KEYS_REDIS=redis://127.0.0.1:6379 countersign keys disable orders-service`,
    );
  listCommand(keys);
  addCommand(keys);
  rotateCommand(keys);
  askedCommands(keys);
}

function listCommand(keys: Command): void {
  withStoreOptions(keys.command('list').description('Print the keys, without their secrets.'))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ countersign keys list --keys keys.yaml
  $ countersign keys list --postgres postgres://localhost/app --json`,
    )
    .action(async (options: ListOptions) => {
      const { listKeys } = await import('../keys-command/list-keys.js');
      await listKeys(options);
    });
}

function addCommand(keys: Command): void {
  withStoreOptions(
    keys
      .command('add')
      .description('Make a key with a new secret of 32 random bytes, which is printed once.')
      .argument('<credential>', 'what the caller is called'),
  )
    .option('--group <name>', 'the group it belongs to')
    .addOption(algorithmOption('algorithm of the key').default('HMAC-256'))
    .option('--secret-id <id>', 'what the secret is called; the day of today unless given')
    .option('--not-after <time>', TIME)
    .option('--json', 'print JSON and nothing else')
    .addHelpText(
      'after',
      `
A key file that is not there yet is made. Anyone who has the secret can sign.

Examples:
  $ countersign keys add orders-service --keys keys.yaml
  $ countersign keys add orders-service --keys keys.json --group partners --not-after 2030-01-01T00:00:00Z
  $ (umask 077 && countersign keys add orders-service --redis redis://127.0.0.1:6379 --json > orders.json)`,
    )
    .action(async (credential: string, options: AddOptions) => {
      const { addKey } = await import('../keys-command/add-key.js');
      await addKey(credential, options);
    });
}

function rotateCommand(keys: Command): void {
  withStoreOptions(
    keys
      .command('rotate')
      .description('Give a key a new secret, and let its old ones end.')
      .argument('<credential>', 'whose key'),
  )
    .option('--overlap <duration>', 'how long old secrets stay good, such as 30m, 24h, 7d', '24h')
    .option('--secret-id <id>', 'what the new secret is called; the day of today unless given')
    .option('--not-after <time>', TIME)
    .option('--json', 'print JSON and nothing else')
    .addHelpText(
      'after',
      `
The new secret is good at once and printed once. Old ones that end earlier anyway still do, and those that have ended are
removed; with --overlap 0, all of them are.

Examples:
  $ countersign keys rotate orders-service --keys keys.yaml
  $ countersign keys rotate orders-service --keys keys.yaml --overlap 7d --json
  $ countersign keys rotate orders-service --keys keys.yaml --overlap 0`,
    )
    .action(async (credential: string, options: RotateOptions) => {
      const { rotateKey } = await import('../keys-command/rotate-key.js');
      await rotateKey(credential, options);
    });
}

function askedCommands(keys: Command): void {
  const does = {
    disable: 'Refuse all that is signed with a key, and keep it.',
    enable: 'Accept what is signed with a key again.',
    remove: 'Remove a key, and its secrets for good.',
  } as const;
  for (const name of ['disable', 'enable', 'remove'] as const) {
    withStoreOptions(
      keys.command(name).description(does[name]).argument('<credential>', 'whose key'),
    )
      .option('--yes', 'do not ask; needed where there is no terminal')
      .addHelpText(
        'after',
        `
Exit codes: 0 done, or so already; 1 the answer was no.

Examples:
  $ countersign keys ${name} orders-service --keys keys.yaml
  $ countersign keys ${name} orders-service --redis redis://127.0.0.1:6379 --yes`,
      )
      .action(async (credential: string, options: AskedOptions) => {
        const { changeAsked } = await import('../keys-command/change-asked.js');
        await changeAsked(name, credential, options);
      });
  }
}

function withStoreOptions(command: Command): Command {
  return command
    .option('--keys <file>', 'key file, JSON or YAML (.yaml, .yml); or set COUNTERSIGN_KEYS')
    .option('--redis <url>', 'Redis with keys; or set COUNTERSIGN_KEYS_REDIS')
    .option('--prefix <text>', 'with Redis: what its keys begin with; countersign: unless given')
    .option('--postgres <url>', 'PostgreSQL with keys; or set COUNTERSIGN_KEYS_POSTGRES')
    .option('--table <name>', 'with PostgreSQL: table; countersign_keys unless given')
    .option('--config <file>', 'configuration of a gateway, which names the store');
}
