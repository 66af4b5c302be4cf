import { describe, expect, it } from 'vitest';
import { Anomalies, networkOf } from './anomalies.js';

describe('networkOf', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0DB8:0:0:ffff::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:1:a:b:c:d', '2001:db8:0:1::/64'],
    ['2001:db8:1:2:3:4:5::', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['0:0:0:0:0:FFFF:c000:0207', '192.0.2.7'],
    ['64:ff9b::192.0.2.7', '192.0.2.7'],
    ['64:ff9b:1::192.0.2.7', '64:ff9b:1:0::/64'],
    ['no address', 'no address'],
  ])('%s is of %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('an address that is refused too often', () => {
  const refused = (address: string) =>
    ({ verdict: 'refused', status: 401, code: 'date_expired', address }) as never;

  it('keeps its network away, and no other', async () => {
    const told: unknown[] = [];
    const anomalies = new Anomalies({ refusals: 3, seconds: 60, away: 60 }, (anomaly) =>
      told.push(anomaly),
    );
    for (const last of ['1', '2', 'ffff:1']) anomalies.count(refused(`2001:db8::${last}`));
    await expect.poll(() => told.length).toBe(1);
    expect(told[0]).toEqual({
      kind: 'address',
      value: '2001:db8:0:0::/64',
      refusals: 3,
      seconds: 60,
    });
    expect(anomalies.throttle('2001:db8::77')).toBe(60);
    expect(anomalies.throttle('2001:db8:0:1::77')).toBeUndefined();
    expect(anomalies.throttle('192.0.2.7')).toBeUndefined();
  });

  it('is kept away again each time', async () => {
    const told: unknown[] = [];
    const penalties = { refusals: 3, seconds: 60, away: 1 };
    const anomalies = new Anomalies(penalties, (anomaly) => told.push(anomaly));
    for (const times of [1, 2]) {
      for (let i = 0; i < 3; i++) anomalies.count(refused('192.0.2.7'));
      await expect.poll(() => told.length).toBe(times);
      expect(anomalies.throttle('192.0.2.7')).toBe(1);
      await expect.poll(() => anomalies.throttle('192.0.2.7'), { timeout: 3_000 }).toBeUndefined();
    }
  });
});
