import { createPolicy, type PolicyCase, type PolicyExplanation } from '@countersign/server/policy';
import { type ConfigFile, readConfig } from './config/read-config.js';
import { createRuntime, type Observers } from './runtime/runtime.js';
import { openKeys } from './runtime/stores.js';

const NOBODY: Observers = {
  onEvent: undefined,
  onDecision: () => {},
  onEgress: () => {},
  onFault: () => {},
  throttle: undefined,
};

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Makes everything that a configuration says but listens nowhere, and lets go of it.
 *
 * @throws ConfigError that names the line
 * @example await checkConfig(readConfig('gateway.yaml'), process.env);
 */
export async function checkConfig(file: ConfigFile, env: Environment): Promise<void> {
  const references = { path: file.path, env, files: new Set<string>() };
  const runtime = await createRuntime(file, references, NOBODY);
  await runtime.close();
}

/**
 * Says which rule of a configuration's policy decides on a request, and why.
 *
 * @param request - the group, if it is left out, is that of the key
 * @throws ConfigError that names the line
 * @example console.log((await explainRequest('gateway.yaml', process.env, { method: 'GET', target: '/v1/orders/7', credential: 'x' })).text);
 */
export async function explainRequest(
  path: string,
  env: Environment,
  request: PolicyCase,
): Promise<PolicyExplanation> {
  const file = readConfig(path);
  const { policy, keys } = file.config;
  if (policy === undefined) {
    throw file.located(
      new TypeError('policy: there is none: every verified caller may do everything'),
    );
  }
  try {
    const made = createPolicy(policy, { checksPayload: true });
    const group = request.group ?? (await groupOf(file, keys, env, request.credential));
    return made.explain({ ...request, group });
  } catch (error) {
    throw file.located(error, 'policy');
  }
}

async function groupOf(
  { path }: ConfigFile,
  keys: ConfigFile['config']['keys'],
  env: Environment,
  credential: string,
): Promise<string | undefined> {
  if (keys === undefined) return undefined;
  const { store, close } = await openKeys(keys, { path, env, files: new Set() });
  try {
    return (await store.find(credential))?.group;
  } finally {
    await close();
  }
}
