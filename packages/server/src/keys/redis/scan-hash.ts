import type { Question } from './conversation.js';

const PAGE = '500';

type Page = [cursor: string, flat: string[]];
type Ask = (question: Question<Page>) => Promise<Page>;

/** Every field of a hash and its value, page by page: no page holds the server up. A field that is there all along is there. */
export async function scanHash(key: string, ask: Ask): Promise<ReadonlyMap<string, string>> {
  const fields = new Map<string, string>();
  let cursor = '0';
  do {
    const command = ['hscan', key, cursor, 'COUNT', PAGE];
    const [next, flat] = await ask({ command: () => command, read: pageOf });
    for (let i = 0; i < flat.length; i += 2) fields.set(flat[i] as string, flat[i + 1] as string);
    cursor = next;
  } while (cursor !== '0');
  return fields;
}

function pageOf(reply: unknown): Page | undefined {
  if (!Array.isArray(reply) || reply.length !== 2) return undefined;
  const [cursor, flat]: unknown[] = reply;
  const isPage =
    typeof cursor === 'string' &&
    Array.isArray(flat) &&
    flat.length % 2 === 0 &&
    flat.every((each) => typeof each === 'string');
  return isPage ? [cursor, flat] : undefined;
}
