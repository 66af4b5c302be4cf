const CODE = 'COUNTERSIGN_MEMORY_STORE_PER_PROCESS';
let told = false;

/**
 * Warns, once, if this process is one of several that do the same work: each would have a store of its own, and accept what another one
 * accepted.
 */
export function warnOfOtherProcesses(): void {
  // Other runtimes have no such thing, or not all of it.
  const { process } = globalThis as { readonly process?: Partial<NodeJS.Process> };
  if (told || process === undefined || !isOneOfSeveral(process)) return;
  told = true;
  process.emitWarning?.(
    'memoryNonceStore: this is one of several processes, and each accepts what another one accepted. Share a store (Redis, PostgreSQL, SQLite), or say perProcess: true if they share no keys',
    { code: CODE },
  );
}

function isOneOfSeveral({ env, send, getBuiltinModule }: Partial<NodeJS.Process>): boolean {
  // pm2 numbers the instances of a service; the first one may be the only one.
  const instance = env?.NODE_APP_INSTANCE ?? '0';
  if (instance !== '0') return true;
  // Only what was forked can be a worker: others need not load the module.
  if (typeof send !== 'function') return false;
  const cluster: unknown = getBuiltinModule?.('node:cluster');
  return (cluster as { readonly isWorker?: boolean } | undefined)?.isWorker === true;
}
