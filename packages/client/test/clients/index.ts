import { axiosClients } from './axios.js';
import type { ClientUnderTest } from './client-under-test.js';
import { fetchClient } from './fetch.js';
import { gotClients } from './got.js';
import { kyClients } from './ky.js';
import { nodeClient } from './node.js';
import { undiciClient } from './undici.js';

/** Every client that there is. */
export const CLIENTS: readonly ClientUnderTest[] = [
  fetchClient,
  undiciClient,
  nodeClient,
  ...axiosClients,
  ...gotClients,
  ...kyClients,
];
