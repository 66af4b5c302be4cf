import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort, type Nginx, selfSignedCertificate, startNginx } from '@countersign/test-servers';
import ts from 'typescript';
import { type Block, blocksOf, ROOT } from './docs-blocks.js';
import { KEY_FILE } from './helpers.js';

/** The example of a page, running as its reader would run it, with a real nginx in front. */
export interface Example {
  readonly nginx: Nginx;
  /** Where it listens itself. */
  readonly port: number;
  /** What its own certificate is signed by, if it has one. */
  readonly ca: string;
  /** What it printed so far. */
  printed(): string;
  close(): Promise<void>;
}

/** Saves the `file=` blocks of a page, runs its `background` block, and gives its `nginx` block to nginx. */
export async function startExample(page: string): Promise<Example> {
  const blocks = blocksOf(await readFile(join(ROOT, page), 'utf8'));
  const directory = await mkdtemp(join(tmpdir(), 'countersign-docs-'));
  let service: Service | undefined;
  try {
    const { cert } = await selfSignedCertificate(directory); // as cert.pem and key.pem
    await save(directory, blocks);
    const { text: command } = only(page, blocks, (block) => block.hint === 'background');
    service = await startService(directory, command);
    const { port, child, printed } = service;
    const { text: location } = only(page, blocks, (block) => block.language === 'nginx');
    const nginx = await startNginx({ server: location.replaceAll(':3000', `:${port}`) });
    // A nonce store that starts empty first refuses what it may have accepted in an earlier life.
    await delay(1100);
    return {
      ...{ nginx, port, ca: cert, printed },
      async close() {
        await Promise.all([nginx.close(), end(child)]);
        await rm(directory, { recursive: true });
      },
    };
  } catch (error) {
    if (service !== undefined) await end(service.child);
    await rm(directory, { recursive: true });
    throw error;
  }
}

function only(page: string, blocks: readonly Block[], wanted: (block: Block) => boolean): Block {
  const [block, ...others] = blocks.filter(wanted);
  if (block === undefined || others.length > 0) throw new Error(`${page}: expected one such block`);
  return block;
}

/** The folder that its reader would have: the `file=` blocks, a key file and what `npm install` brings. */
export async function save(
  directory: string,
  blocks: readonly Block[],
  installed = 'packages/server',
): Promise<void> {
  await linkPackages(join(directory, 'node_modules'), join(ROOT, installed, 'node_modules'));
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  await writeFile(join(directory, 'keys.json'), JSON.stringify(KEY_FILE));
  for (const { hint, text } of blocks) {
    const name = /^file=(.+)$/.exec(hint)?.[1];
    if (name === undefined) continue;
    await writeFile(join(directory, name), text);
    if (name.endsWith('.ts')) {
      await writeFile(join(directory, name.replace(/ts$/, 'js')), compiled(text));
    }
  }
}

/** What `tsc` makes of it with the settings that decorators need. */
function compiled(text: string): string {
  return ts.transpileModule(text, {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
    },
  }).outputText;
}

/** What `npm install` would have brought: the packages as built, and the libraries that they are tested with. */
async function linkPackages(modules: string, frameworks: string): Promise<void> {
  const names = (await readdir(frameworks)).filter((name) => !name.startsWith('.'));
  const scoped = names.filter((name) => name.startsWith('@') && name !== '@countersign');
  const paths = new Map(
    names.filter((name) => !name.startsWith('@')).map((name) => [name, join(frameworks, name)]),
  );
  for (const scope of scoped) {
    for (const name of await readdir(join(frameworks, scope))) {
      paths.set(`${scope}/${name}`, join(frameworks, scope, name));
    }
  }
  for (const name of ['client', 'core', 'server']) {
    paths.set(`@countersign/${name}`, join(ROOT, 'packages', name));
  }
  for (const [name, path] of paths) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(path, join(modules, name));
  }
}

export interface Service {
  readonly child: ChildProcess;
  readonly port: number;
  printed(): string;
}

export async function startService(cwd: string, command: string): Promise<Service> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const env = { PATH: process.env.PATH ?? '', PORT: String(port) };
    const child = spawn('sh', ['-c', `exec ${command}`], { cwd, env });
    let text = '';
    const listening = new Promise<boolean>((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
          if (text.includes('listening on')) resolve(true);
        });
      }
      child.once('close', () => resolve(false));
    });
    const slow = setTimeout(() => child.kill(), 20_000);
    const listens = await listening;
    clearTimeout(slow);
    if (listens) return { child, port, printed: () => text };
    if (!text.includes('EADDRINUSE') || attempt === 5)
      throw new Error(`${command.trim()}: ${text}`);
  }
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
