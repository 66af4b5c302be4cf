import type { NonceStore, VerificationEvent } from '@countersign/server';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { DecisionRecord } from './record.js';

/** Numbers for Prometheus. */
export interface Metrics {
  readonly registry: Registry;
  event(event: VerificationEvent): void;
  decision(record: DecisionRecord): void;
  anomaly(kind: string): void;
  reload(done: boolean): void;
}

const STAGE_BUCKETS = [0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1];
const UPSTREAM_BUCKETS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];

/** @param nonces - the store of the present configuration, for its size */
export function createMetrics(nonces: () => NonceStore | undefined): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const decisions = new Counter({
    name: 'countersign_decisions_total',
    help: 'Requests by verdict, code and group of the caller.',
    labelNames: ['verdict', 'code', 'group'] as const,
    registers,
  });
  const stages = new Histogram({
    name: 'countersign_stage_seconds',
    help: 'Time that each stage of a verification took.',
    labelNames: ['stage'] as const,
    buckets: STAGE_BUCKETS,
    registers,
  });
  const upstream = new Histogram({
    name: 'countersign_upstream_seconds',
    help: 'Time from asking the service to the end of its answer.',
    labelNames: ['upstream'] as const,
    buckets: UPSTREAM_BUCKETS,
    registers,
  });
  const anomalies = new Counter({
    name: 'countersign_anomalies_total',
    help: 'Bursts of refused requests, from an address or in the name of a credential.',
    labelNames: ['kind'] as const,
    registers,
  });
  const reloads = new Counter({
    name: 'countersign_reloads_total',
    help: 'Changes of the configuration, and whether they were taken.',
    labelNames: ['result'] as const,
    registers,
  });
  new Gauge({
    name: 'countersign_nonces',
    help: 'Live nonces of a store that knows.',
    registers,
    collect() {
      const { size } = (nonces() ?? {}) as { readonly size?: unknown };
      if (typeof size === 'number') this.set(size);
    },
  });
  return {
    registry,
    event({ durations }) {
      for (const [stage, milliseconds] of Object.entries(durations)) {
        stages.observe({ stage }, milliseconds / 1000);
      }
    },
    decision(record) {
      const { verdict, code = '', group = '', upstreamMs } = record;
      decisions.inc({ verdict, code, group });
      if (upstreamMs !== undefined && record.upstream !== undefined) {
        upstream.observe({ upstream: record.upstream }, upstreamMs / 1000);
      }
    },
    anomaly: (kind) => anomalies.inc({ kind }),
    reload: (done) => reloads.inc({ result: done ? 'taken' : 'refused' }),
  };
}
