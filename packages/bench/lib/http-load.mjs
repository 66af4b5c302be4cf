// Sends requests that were made before over a few connections, and takes the times.
import autocannon from 'autocannon';

export const CONNECTIONS = 16;

/**
 * @param port - of the server, on 127.0.0.1
 * @param requests - each is sent once
 * @returns requests a second, and milliseconds of latency
 * @throws Error for an answer other than 200
 */
export async function sendAll(port, requests) {
  const count = requests.length;
  let [start, end, done, shares] = [0, 0, 0, 0];
  const latencies = new Float64Array(count);
  await new Promise((resolve, reject) => {
    const run = autocannon(
      {
        url: `http://127.0.0.1:${port}`,
        connections: CONNECTIONS,
        amount: count,
        setupClient(client) {
          const share = shares++;
          client.setRequests(requests.filter((_, i) => i % CONNECTIONS === share));
        },
      },
      (error) => (error ? reject(error) : resolve()),
    );
    // A client that sleeps between two answers is woken for each of them, and the server pays for that.
    const stayAwake = () => done < count && setImmediate(stayAwake);
    run.on('start', () => {
      start = performance.now();
      stayAwake();
    });
    const fail = (error) => {
      done = count;
      run.stop();
      reject(error);
    };
    run.on('reqError', fail);
    run.on('response', (_client, status, _bytes, milliseconds) => {
      latencies[done] = milliseconds;
      if (status !== 200) return fail(new Error(`answered ${status}`));
      if (++done === count) end = performance.now();
    });
  });
  latencies.sort();
  const at = (share) => latencies[Math.min(count - 1, Math.floor(share * count))];
  const seconds = (end - start) / 1000;
  return { rate: count / seconds, seconds, p50: at(0.5), p99: at(0.99), p999: at(0.999) };
}
