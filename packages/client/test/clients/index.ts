import type { ClientUnderTest } from './client-under-test.js';
import { fetchClient } from './fetch.js';

/** Every client that there is. */
export const CLIENTS: readonly ClientUnderTest[] = [fetchClient];
