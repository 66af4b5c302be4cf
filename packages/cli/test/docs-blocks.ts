import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@countersign/test-servers';

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** A fenced block of a document. */
export interface Block {
  readonly language: string;
  /** What follows the language: `background`, or `file=NAME`. */
  readonly hint: string;
  readonly text: string;
}

/** The fenced blocks of a document, in order. */
export function blocksOf(markdown: string): readonly Block[] {
  const fences = /^```(\w*) ?(.*)\n([\s\S]*?)^```$/gm;
  return [...markdown.matchAll(fences)].map(([, language = '', hint = '', text = '']) => ({
    language,
    hint,
    text,
  }));
}

const PATIENCE = 110_000; // ms

/**
 * Pastes the blocks of a document into one shell, as a reader would: `file=` blocks are saved, `background` blocks run on
 * in a terminal of their own.
 *
 * @param ports - the ports of the document, each replaced by a free one
 * @returns for each block that was run, what it printed
 */
export async function paste(file: string, ports: readonly number[]): Promise<Map<Block, string>> {
  const markdown = await readFile(join(ROOT, file), 'utf8');
  const free = await Promise.all(ports.map(freePort));
  const replaced = ports.reduce(
    (text, port, i) =>
      text
        .replaceAll(`:${port}`, `:${free[i]}`)
        .replaceAll(`${port}, '`, `${free[i]}, '`)
        .replaceAll(`port ${port}`, `port ${free[i]}`)
        .replaceAll(`http.server ${port}`, `http.server ${free[i]}`),
    markdown,
  );
  // Within the clone, so that its packages and commands are found; in a folder that is never committed.
  await mkdir(join(ROOT, '.cache'), { recursive: true });
  const directory = await mkdtemp(join(ROOT, '.cache', 'docs-'));
  const printed = new Map<Block, string>();
  // What npm thinks of the configuration of this machine is no part of the document, and that is not to be changed.
  const env = { ...process.env, npm_config_loglevel: 'error', XDG_CONFIG_HOME: directory };
  const shell = spawn('bash', ['-eu'], { cwd: directory, env, detached: true });
  // The shell and what it runs in the background are one process group.
  const end = () => {
    try {
      process.kill(-(shell.pid as number), 'SIGTERM');
    } catch {} // it has ended by itself, and the block that ended it says why
  };
  const late = setTimeout(end, PATIENCE); // or a test that gives up would leave all of it running
  try {
    for (const block of blocksOf(replaced)) {
      const name = /^file=(.+)$/.exec(block.hint)?.[1];
      if (name !== undefined) await writeFile(join(directory, name), block.text);
      else if (block.language === 'sh' && !block.text.includes('npm test')) {
        printed.set(block, await pasteBlock(shell, block));
      } else if (block.language === 'json') printed.set(block, block.text);
    }
    return printed;
  } finally {
    clearTimeout(late);
    end();
    if (shell.exitCode === null && shell.signalCode === null) await once(shell, 'exit');
    await rm(directory, { recursive: true });
  }
}

let pasted = 0;

async function pasteBlock(shell: ChildProcess, { hint, text }: Block): Promise<string> {
  const end = `--- end of block ${++pasted}`;
  const script =
    hint === 'background'
      ? `{ ${text.trim()}\n} > terminal-${pasted} 2>&1 &\nfor _ in {1..100}; do grep -qsE "listening on|Serving HTTP on" terminal-${pasted} && break; sleep 0.1; done; grep -qE "listening on|Serving HTTP on" terminal-${pasted}\nsleep 1.1\n`
      : text;
  shell.stdin?.write(`{ ${script.trimEnd()}\n} 2>&1\necho "${end}"\n`);
  let output = '';
  return await new Promise((resolve, reject) => {
    const take = (chunk: Buffer) => {
      output += chunk;
      if (!output.includes(end)) return;
      done();
      resolve(output.replace(`${end}\n`, ''));
    };
    const lost = () => {
      done();
      reject(new Error(`the shell ended at this block:\n${text}\n${output}`));
    };
    const done = () => {
      shell.stdout?.off('data', take);
      shell.off('exit', lost);
    };
    shell.stdout?.on('data', take);
    shell.on('exit', lost);
  });
}
