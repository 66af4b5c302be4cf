import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { checkConfig } from '../src/check-config.js';
import { parseConfig } from '../src/config/read-config.js';
import { createMetrics } from '../src/observe/metrics.js';
import { blocksOf } from './docs-blocks.js';
import { folder } from './gateway-rig.js';

const read = (path: string) =>
  readFileSync(new URL(`../../../docs/${path}`, import.meta.url), 'utf8');

it('the alert rules speak of metrics that there are', async () => {
  const metrics = await createMetrics(() => undefined).registry.metrics();
  const { groups } = parse(read('deploy/alerts.yaml'));
  const names = groups.flatMap(({ rules }: { rules: { expr: string }[] }) =>
    rules.flatMap(({ expr }) => expr.match(/countersign_\w+/g) ?? []),
  );
  expect(names.length).toBeGreaterThan(5);
  for (const name of names) expect(metrics).toContain(`# TYPE ${name.replace(/_bucket$/, '')} `);
});

it('the configuration of the Kubernetes manifests is one', async () => {
  const [first] = parseAllDocuments(read('deploy/kubernetes.yaml'));
  const text: string = first?.toJS().data['gateway.yaml'];
  const config = parseConfig(text, 'gateway.yaml').config;
  expect(config.proxy?.upstream).toBe('http://127.0.0.1:9000');
});

it('the image runs as a user whom Kubernetes can tell not to be root', () => {
  expect(read('deploy/Dockerfile')).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
  expect(read('deploy/kubernetes.yaml')).toContain('runAsNonRoot: true');
});

it('the keys of Compose are where the gateway takes them for YAML', () => {
  const { services, secrets } = parse(read('deploy/compose.yaml'));
  const [secret] = services.gateway.secrets;
  expect(secrets[secret.source].file).toBe('./keys.yaml');
  expect(secret.target).toMatch(/\.yaml$/);
  expect(read('deploy/compose.yaml')).toContain(`keys: { file: /run/secrets/${secret.target} }`);
});

it('the configuration of docs/gateway.md can be used', async () => {
  const text = blocksOf(read('gateway.md')).find(({ language }) => language === 'yaml')
    ?.text as string;
  const directory = folder();
  const used = text
    .replace('keys: { file: keys.yaml }', 'keys: { file: keys.json }')
    .replace(/ {2}tls: .*\n/, '')
    .replace('file:secrets/payments', 'env:GATEWAY_SECRET')
    .replace('env:REDIS_URL', 'redis://127.0.0.1:1');
  expect(used).not.toBe(text);
  const secret = 'csk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
  await checkConfig(parseConfig(used, `${directory}/gateway.yaml`), { GATEWAY_SECRET: secret });
});
