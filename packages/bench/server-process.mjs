// A server in a process of its own, so that what is measured is the server and not the client that loads it.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createVerifier, memoryNonceStore, staticKeys } from '@countersign/server';

/** Whose requests the servers accept. */
export const CALLER = {
  credential: 'orders-service',
  secret: 'csk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8',
};
export const HOST = 'api.example.test';

/** A verifier that takes any number of requests of the caller, from its first second. */
export function newVerifier() {
  const { credential, secret } = CALLER;
  return createVerifier({
    keys: staticKeys([{ credential, secrets: [{ secret }] }]),
    nonces: memoryNonceStore({ start: 'fresh', capacity: 2 ** 24 }),
    hosts: [HOST],
  });
}

/**
 * In the parent: starts `script` beside this file, with the options that Node itself was given.
 *
 * @param args - its arguments
 * @param nodeOptions - more options for Node, such as `--expose-gc`
 */
export async function startServer(script, args, nodeOptions = []) {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), args, {
    execArgv: [...process.execArgv, ...nodeOptions],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`${args.join(', ')}: the server ended by itself (${signal ?? code})`);
  });
  ended.catch(() => {}); // heard by whoever asks next
  const answer = () => Promise.race([once(child, 'message').then(([message]) => message), ended]);
  const { port } = await answer();
  return {
    port,
    /** What the server's process knows under `name`. */
    ask(name) {
      child.send(name);
      return answer();
    },
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.disconnect();
      await ended.catch(() => {});
    },
  };
}

/**
 * In the child: listens, tells the parent where, answers what it asks, and ends with it.
 *
 * @param answers - functions by name
 */
export async function serveParent(server, answers) {
  process.on('disconnect', () => process.exit());
  process.on('message', async (name) => process.send(await answers[name]()));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  process.send({ port: server.address().port });
}
