import { checkConfig, readConfig } from '@countersign/gateway';
import type { CheckOptions } from '../commands/gateway.js';
import { usage } from '../exit.js';
import { print } from '../output.js';
import { configPath } from './config-path.js';

/** Tells whether a configuration can be used. */
export async function checkGateway(options: CheckOptions): Promise<void> {
  const path = configPath(options.config);
  try {
    await checkConfig(readConfig(path), process.env);
  } catch (error) {
    throw usage((error as Error).message);
  }
  print(`${path}: can be used`);
}
