// node:http with the same handling of bodies three times: bare, behind Countersign, and behind hawk. The child process of load.mjs.
import { createServer } from 'node:http';
import { protect } from '@countersign/server/node';
import hawk from 'hawk';
import { newVerifier, serveParent } from '../server-process.mjs';
import { HAWK } from './load-requests.mjs';

const find = async (id) => (id === HAWK.id ? HAWK : null);

function answer(response, bytes) {
  const { note } = JSON.parse(bytes.toString());
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ ok: true, length: note.length }));
}

function bytesOf(request) {
  return new Promise((resolve, reject) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', () => resolve(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)));
    request.on('error', reject);
  });
}

const SERVERS = {
  bare: () => createServer(async (request, response) => answer(response, await bytesOf(request))),
  countersign: () =>
    createServer(protect(newVerifier(), (_, response, { body }) => answer(response, body))),
  hawk: () =>
    createServer(async (request, response) => {
      const bytes = await bytesOf(request);
      try {
        await hawk.server.authenticate(request, find, { payload: bytes.toString() });
      } catch {
        response.writeHead(401).end();
        return;
      }
      answer(response, bytes);
    }),
};

await serveParent(SERVERS[process.argv[2]](), {
  cpu() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
});
