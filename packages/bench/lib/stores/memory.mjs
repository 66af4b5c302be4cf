import { memoryNonceStore } from '@countersign/server';

let keys = 0;

export const memoryOf = () => ({
  what: 'Set.has and Set.add',
  // Two of them share nothing; and none waits.
  async open(_url, { deadline: _, clockMargin: __, purge: ___, ...options }) {
    const used = new Set();
    return {
      stores: [memoryNonceStore({ capacity: 2 ** 24, ...options })],
      bareKey: () => `orders-service:${`${keys++}`.padStart(22, '0')}`,
      bare(key) {
        if (used.has(key)) throw new Error('memory: the key was there');
        used.add(key);
      },
      close() {},
    };
  },
});
