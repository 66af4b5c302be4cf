import { runChecks } from './checks.js';
import type { Findings, Report, Task } from './findings.js';

// Runs in the browser: the module of the page, and once more that of its worker.

if (typeof document === 'undefined') {
  addEventListener('message', ({ data }: MessageEvent<Task>) => {
    runChecks(data).then(postMessage, (error) => postMessage(String(error)));
  });
} else {
  report(
    await run().catch((error): Report => ({ failure: String((error as Error).stack ?? error) })),
  );
}

async function run(): Promise<Report> {
  const task = (await (await fetch('/task')).json()) as Task;
  return { page: await runChecks(task), worker: await runInWorker(task) };
}

function runInWorker(task: Task): Promise<Findings> {
  const worker = new Worker('/page.js', { type: 'module' });
  return new Promise((resolve, reject) => {
    worker.onerror = ({ message }) => reject(new Error(`the worker: ${message}`));
    worker.onmessage = ({ data }: MessageEvent<Findings | string>) =>
      typeof data === 'string' ? reject(new Error(data)) : resolve(data);
    worker.postMessage(task);
  });
}

function report(found: Report): void {
  fetch('/report', { method: 'POST', body: JSON.stringify(found) });
}
