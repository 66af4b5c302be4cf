// Sends requests evenly spaced, and takes the times.
import { Agent, request } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { CONNECTIONS } from './http-load.mjs';

/**
 * Begins each request when it is due, whether or not those before it were answered. (autocannon would send what is due in a
 * second at its beginning.)
 *
 * @param port - of the server, on 127.0.0.1
 * @param requests - each is sent once
 * @param rate - requests a second
 * @returns milliseconds from the beginning of a request to the end of its answer
 * @throws Error for an answer other than 200
 */
export async function sendPaced(port, requests, rate) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const latencies = [];
  const send = async ({ body, ...rest }) => {
    const begun = performance.now();
    await answered(request({ host: '127.0.0.1', port, agent, ...rest }).end(body));
    latencies.push(performance.now() - begun);
  };
  try {
    const start = performance.now();
    const sent = [];
    let failure;
    const fail = (error) => {
      failure = error;
    };
    while (sent.length < requests.length && failure === undefined) {
      const due = Math.floor(((performance.now() - start) * rate) / 1000);
      while (sent.length < Math.min(due, requests.length)) {
        sent.push(send(requests[sent.length]).catch(fail));
      }
      await setTimeout(1);
    }
    await Promise.all(sent);
    if (failure !== undefined) throw failure;
  } finally {
    agent.destroy();
  }
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.floor(share * latencies.length)];
  return { p50: at(0.5), p99: at(0.99) };
}

function answered(outgoing) {
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject).on('response', (response) => {
      if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`));
      response.resume().on('error', reject).on('end', resolve);
    });
  });
}
