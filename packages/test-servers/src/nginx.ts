import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Certificate, selfSignedCertificate } from './certificate.js';
import { freePort } from './free-port.js';
import { findProgram, type Program } from './program.js';
import { run } from './run.js';

export interface NginxOptions {
  /** What stands in the `server` block beside its port and certificate: `location` blocks, such as those of {@link forwardTo}. */
  readonly server: string;
  /** What stands in the `http` block beside it, such as a `map`. */
  readonly http?: string;
}

/** A running nginx that terminates TLS on a port of its own. */
export interface Nginx {
  readonly port: number;
  /** `https://127.0.0.1:PORT` */
  readonly url: string;
  readonly certificate: Certificate;
  /** What it wrote to its error log so far. */
  log(): Promise<string>;
  /** Ends it and removes its files. */
  close(): Promise<void>;
}

export interface ForwardOptions {
  /** The path that is forwarded; `/` unless said otherwise. */
  readonly path?: string;
  /** What `path` becomes: `{ path: '/api/', to: '/' }` strips a prefix. It is forwarded as it was sent if this is left out. */
  readonly to?: string;
}

/**
 * A `location` block as it stands in front of many services: the host becomes an internal name, and X-Forwarded-Host and
 * X-Forwarded-For tell what was asked for and by whom.
 */
export function forwardTo(port: number, { path = '/', to = '' }: ForwardOptions = {}): string {
  return `location ${path} {
    proxy_pass http://127.0.0.1:${port}${to};
    proxy_http_version 1.1;
    proxy_request_buffering off;
    proxy_set_header Host internal.example.test;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
}
`;
}

let program: Promise<Program> | undefined;

/**
 * Starts a real nginx: that of NGINX_BIN, else the system's, else Debian's package.
 *
 * @throws Error that says what to do if there is none; or with nginx's own words if it does not take the configuration
 * @example const nginx = await startNginx({ server: forwardTo(3000) });
 */
export async function startNginx(options: NginxOptions): Promise<Nginx> {
  program ??= findNginx();
  const { path, env } = await program;
  const directory = await mkdtemp(join(tmpdir(), 'countersign-nginx-'));
  try {
    const certificate = await selfSignedCertificate(directory);
    const compiled = await compiledWithout(path, env);
    for (let attempt = 1; ; attempt++) {
      const port = await freePort();
      const file = join(directory, 'nginx.conf');
      await writeFile(file, configuration(directory, port, certificate, compiled, options));
      const log = join(directory, 'error.log');
      const child = spawn(path, ['-p', directory, '-e', log, '-c', file], {
        env: { ...process.env, ...env },
        stdio: 'ignore',
      });
      const failure = await untilListening(child, directory);
      if (failure === undefined) return running(child, directory, port, certificate);
      if (!/Address already in use/.test(failure) || attempt === 5) {
        throw new Error(`nginx did not start: ${failure}`);
      }
    }
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

const findNginx = () =>
  findProgram({
    variable: 'NGINX_BIN',
    name: 'nginx',
    folders: ['/usr/sbin', '/usr/local/sbin'],
    debian: async () => ({ packages: ['nginx'], path: 'usr/sbin/nginx' }),
  });

/** The folders for temporary files that this nginx has no directive for. */
async function compiledWithout(path: string, env: Program['env']): Promise<ReadonlySet<string>> {
  // `nginx -V` writes to its standard error.
  const shell = ['-c', '"$0" -V 2>&1', path];
  const text = await run('sh', shell, { env: { ...process.env, ...env } });
  return new Set([...text.matchAll(/--without-http_(\w+)_module/g)].map(([, name]) => `${name}`));
}

function configuration(
  directory: string,
  port: number,
  { certFile, keyFile }: Certificate,
  without: ReadonlySet<string>,
  { http = '', server }: NginxOptions,
): string {
  const users = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].filter((n) => !without.has(n));
  return `daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''} # the workers must be able to write to the folder
worker_processes 1;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log notice;
events { worker_connections 256; }
http {
access_log off;
${users.map((name) => `${name}_temp_path ${directory}/${name};`).join('\n')}
${http}
server {
listen 127.0.0.1:${port} ssl;
ssl_certificate ${certFile};
ssl_certificate_key ${keyFile};
${server}
}
}
`;
}

/** Resolves with nginx's reason if it ends instead. It writes its pid once it listens. */
async function untilListening(child: ChildProcess, directory: string): Promise<string | undefined> {
  let failure: string | undefined;
  child.once('error', (error) => {
    failure = error.message;
  });
  child.once('exit', (code) => {
    failure = `it ended with ${code}`;
  });
  const deadline = Date.now() + 10_000;
  while (failure === undefined && Date.now() < deadline) {
    const pid = await readFile(join(directory, 'nginx.pid'), 'utf8').catch(() => '');
    if (pid === `${child.pid}\n`) return undefined;
    await delay(10);
  }
  if (failure === undefined) await end(child);
  const log = await readFile(join(directory, 'error.log'), 'utf8').catch(() => '');
  const [said] = log.split('\n').filter((line) => line.includes('[emerg]'));
  return said ?? failure ?? 'it does not listen after 10 s';
}

function running(
  child: ChildProcess,
  directory: string,
  port: number,
  certificate: Certificate,
): Nginx {
  const orphaned = () => child.kill('SIGTERM');
  process.once('exit', orphaned);
  return {
    port,
    url: `https://127.0.0.1:${port}`,
    certificate,
    log: () => readFile(join(directory, 'error.log'), 'utf8'),
    async close() {
      process.off('exit', orphaned);
      await end(child);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM'); // the master, which takes its workers along
  await ended;
}
