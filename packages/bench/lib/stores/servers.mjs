// The servers behind the stores: those of the environment, else some of our own, started when they are asked for.
const VARIABLES = { redis: 'REDIS_URL', postgres: 'POSTGRES_URL' };

// What the store asks of a server, and the defaults of one: what is committed is kept.
const DURABLE = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' };

/**
 * Servers by the name of the backend: `url` gives where one is, and starts it if nobody has; `close` ends what was started.
 *
 * @param options - `unsynced`: a PostgreSQL that is started forces nothing to the disk
 */
export function serversOf(tell, { unsynced = false } = {}) {
  const running = {};
  return {
    async url(backend) {
      if (backend === undefined) return undefined;
      const own = process.env[VARIABLES[backend]];
      if (own) return own;
      if (running[backend] === undefined) tell(`starting ${backend}`);
      running[backend] ??= start(backend, unsynced);
      return (await running[backend]).url;
    },
    async close() {
      const servers = await Promise.all(Object.values(running));
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

async function start(backend, unsynced) {
  // Loaded here: a store without a server needs none of it.
  const { startPostgres, startRedis } = await import('@countersign/test-servers');
  return backend === 'redis' ? startRedis() : startPostgres({ config: unsynced ? {} : DURABLE });
}
