// The servers behind the stores: those of the environment, else some of our own, started when they are asked for.
const VARIABLES = { redis: 'REDIS_URL', postgres: 'POSTGRES_URL' };

/** `url(backend)` gives where one is, and starts it if nobody has; `close` ends what was started. */
export function serversOf(tell) {
  const running = {};
  return {
    async url(backend) {
      if (backend === undefined) return undefined;
      running[backend] ??= start(backend, tell);
      return (await running[backend]).url;
    },
    async close() {
      const servers = await Promise.all(Object.values(running));
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

async function start(backend, tell) {
  // Loaded here: a store without a server needs none of it.
  const { usePostgres, useRedis } = await import('@countersign/test-servers');
  if (!process.env[VARIABLES[backend]]) tell(`starting ${backend}`);
  return backend === 'redis' ? useRedis() : usePostgres();
}
