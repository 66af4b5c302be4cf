// The figures of the gateway as tables of Markdown.
import { ratio, table } from '../report.mjs';

const [left, right] = ['---', '---:'];
const mib = (bytes) => `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
const whole = (value) => Math.round(value).toLocaleString('en');

const NAMES = {
  unverifying: 'the same proxy without verification',
  gateway: 'gateway',
  'gateway with log and metrics': 'gateway with log and metrics',
  'fastify-http-proxy': '@fastify/http-proxy',
  'nginx, auth_request': 'nginx with auth_request to the gateway',
};

export function gatewayTables({ throughput, transfers, requests }) {
  return {
    ...(throughput === undefined ? {} : { gatewayThroughput: throughputTable(throughput) }),
    ...(transfers === undefined ? {} : { gatewayTransfers: transfersTable(transfers) }),
    ...(requests === undefined ? {} : { gatewayRequests: requestsLine(requests) }),
  };
}

function throughputTable({ half, rows }) {
  const at = `at ${whole(half)} req/s`;
  return table(
    [
      ...['', 'req/s', '÷ without verification', 'p50 ms', 'p99 ms'],
      ...[`p50 ms ${at}`, `p99 ms ${at}`, 'added'],
    ],
    [left, right, right, right, right, right, right, right],
    rows.map(({ kind, rate, ratio: of, p50, p99, calm }) => [
      ...[NAMES[kind], whole(rate), ratio(of), p50.toFixed(1), p99.toFixed(1)],
      ...['p50', 'p99', 'added'].map((name) => calm?.[name].toFixed(2) ?? ''),
    ]),
  );
}

function transfersTable({ bytes, grown }) {
  return table(
    [mib(bytes), 'memory grew by at most', 'seconds'],
    [left, right, right],
    Object.entries(grown).map(([way, { grown: most, seconds }]) => [
      way,
      mib(most),
      seconds.toFixed(1),
    ]),
  );
}

function requestsLine({ count, before, after, slope }) {
  return `After ${whole(count)} requests, each with a nonce that is still live, the gateway holds ${mib(after)}; ${mib(before)} when it starts. In the second half it grew by ${slope.toFixed(0)} bytes a request.`;
}
