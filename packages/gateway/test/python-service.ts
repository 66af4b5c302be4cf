import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from '@countersign/test-servers';
import { onTestFinished } from 'vitest';

/** A request that reached the service whole. */
export interface Served {
  readonly method: string;
  readonly path: string;
  readonly caller: string | null;
  readonly bytes: number;
}

// Python's own server, which knows nothing of signatures. It says of each request how much of it came, and answers those that
// came whole.
const SERVICE = `
import http.server, json, sys

class Orders(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def body(self):
        if self.headers.get('Transfer-Encoding') != 'chunked':
            wanted = int(self.headers.get('Content-Length') or 0)
            got = self.rfile.read(wanted)
            return len(got), len(got) == wanted
        total = 0
        while True:
            line = self.rfile.readline()
            if not line.endswith(b'\\r\\n'):
                return total, False
            size = int(line, 16)
            total += len(self.rfile.read(size))
            if self.rfile.read(2) != b'\\r\\n':
                return total, False
            if size == 0:
                return total, True
    def answer(self):
        got, complete = self.body()
        print(json.dumps({'method': self.command, 'path': self.path, 'bytes': got, 'complete': complete,
                          'caller': self.headers.get('X-Countersign-Credential')}), file=sys.stderr, flush=True)
        if not complete:
            self.close_connection = True
            return
        answer = b'{"id":7}'
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    do_GET = do_POST = do_DELETE = answer
    def log_message(self, *_):
        pass

print('ready', flush=True)
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Orders).serve_forever()
`;

/** Starts it for one test; `seen` is every request of which anything came. */
export async function pythonService(): Promise<{
  readonly port: number;
  seen(): (Served & { readonly complete: boolean })[];
}> {
  const port = await freePort();
  const child = spawn('python3', ['-u', '-c', SERVICE, `${port}`]);
  onTestFinished(() => void child.kill());
  let text = '';
  child.stderr.on('data', (piece) => {
    text += piece;
  });
  await once(child.stdout, 'data');
  const seen = () =>
    text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
  return { port, seen };
}
