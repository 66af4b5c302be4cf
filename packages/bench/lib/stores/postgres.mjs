import { randomUUID } from 'node:crypto';
import { migrateNonces, postgresNonceStore } from '@countersign/server/nonces/postgres';
import pg from 'pg';

const LIFE = 660; // s
const CONNECTIONS = 10;

let tables = 0;

export const postgresOf = () => ({
  ...{ backend: 'postgres', library: 'pg', what: 'INSERT … ON CONFLICT DO NOTHING' },
  async open(connectionString, options) {
    const name = `${process.pid}_${Date.now().toString(36)}_${tables++}`;
    const [table, bareTable] = [`nonces_${name}`, `bare_${name}`];
    const pools = Array.from({ length: 3 }, () => poolOf(connectionString));
    const [bare, ...others] = pools;
    await migrateNonces(bare, { table });
    // The same columns and indexes: `migrateNonces` makes them, and nobody asks for the state.
    await migrateNonces(bare, { table: bareTable });
    const insert = {
      name: 'bare',
      text: `INSERT INTO ${bareTable} (id, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
    };
    const stores = others.map((pool) => postgresNonceStore({ pool, table, ...options }));
    return {
      stores,
      bareKey: randomUUID,
      async bare(id) {
        const client = await bare.connect();
        const values = [id, Math.floor(Date.now() / 1000) + LIFE];
        const { rowCount } = await client.query({ ...insert, values });
        client.release();
        if (rowCount !== 1) throw new Error('postgres: the row was there');
      },
      async close() {
        for (const store of stores) store.close();
        const names = [table, bareTable].flatMap((each) => [each, `${each}_state`]);
        await bare.query(`DROP TABLE ${names.join(', ')}`);
        await Promise.all(pools.map((pool) => pool.end()));
      },
    };
  },
});

const poolOf = (connectionString) =>
  new pg.Pool({ connectionString, max: CONNECTIONS, connectionTimeoutMillis: 10_000 }).on(
    'error',
    (error) => {
      console.error(`postgres: ${error.message}`);
      process.exit(1);
    },
  );
