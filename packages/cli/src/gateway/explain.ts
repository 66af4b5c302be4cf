import { explainRequest } from '@countersign/gateway';
import type { ExplainOptions } from '../commands/gateway.js';
import { EXIT, usage } from '../exit.js';
import { print, printable } from '../output.js';
import { configPath } from './config-path.js';

/** Prints which rule decides on a request. */
export async function explain(
  method: string,
  target: string,
  options: ExplainOptions,
): Promise<void> {
  const { credential, group, address, https } = options;
  const request = { method, target, credential, group, address, secure: https };
  const explanation = await explainRequest(configPath(options.config), process.env, request).catch(
    (error: unknown) => {
      throw usage((error as Error).message);
    },
  );
  if (options.json) print(JSON.stringify(explanation, undefined, 2));
  else for (const line of explanation.text.split('\n')) print(printable(line));
  if (!explanation.allowed) process.exitCode = EXIT.refused;
}
