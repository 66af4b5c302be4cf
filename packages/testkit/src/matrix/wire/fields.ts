import type { RefusalCode } from '@countersign/core';
import { headerOf, withHeader, withoutHeader } from '../../tamper.js';
import { added, type Case, type Expected, type Requests, text, type View } from './requests.js';

export function credentials(make: Requests): Case[] {
  const value = headerOf(make.get(), 'authorization') ?? '';
  const spelt: [string, string, RefusalCode][] = [
    ['Bearer', 'Bearer abc', 'scheme_unsupported'],
    ['Basic', 'Basic YTpi', 'scheme_unsupported'],
    ['empty', '', 'authorization_malformed'],
    ['two schemes in one value', `${value}, ${value}`, 'authorization_malformed'],
    ['cut short', value.slice(0, -10), 'authorization_malformed'],
    ['a parameter twice', `${value}, Signature=x`, 'authorization_malformed'],
    ['8-bit bytes', `${value}\xe9`, 'authorization_malformed'],
    ['4,000 commas', `HMAC-256 Credential=${','.repeat(4_000)}`, 'authorization_malformed'],
  ];
  return spelt.map(([name, text, expected]) => [
    `Authorization, ${name}`,
    withHeader(make.get(), 'authorization', text),
    expected,
  ]);
}

export function hosts(make: Requests): Case[] {
  const as = (expected: Expected, values: readonly string[]): Case[] =>
    values.map((host) => [
      `Host ${JSON.stringify(host)}`,
      withHeader(make.get(), 'host', host),
      expected,
    ]);
  return [
    ...as('host_not_allowed', ['evil.example', 'localhost', 'api.example.com:8443', '[::1]']),
    ...as('host_malformed', [
      'a/evil?',
      'user@api.example.com',
      'a,b',
      '',
      'api.example.com:123456',
    ]),
    ...as('host_malformed', ['api.example.com:', 'api.example.com#', 'a b', 'api.example.com\\x']),
    ['no Host', withoutHeader(make.get(), 'host'), 'refused'],
    [
      'no Host in HTTP/1.0',
      text(withoutHeader(make.get(), 'host')).replace('/1.1', '/1.0'),
      'header_missing',
    ],
  ];
}

export function crowded(make: Requests): Case[] {
  const filled = (count: number, at: 'behind' | 'in front'): View => {
    const view = make.get();
    const more = Array.from({ length: count - view.headers.length / 2 }, (_, i) => [`x-${i}`, 'v']);
    const headers = at === 'behind' ? [view.headers, ...more] : [...more, view.headers];
    return { ...view, headers: headers.flat() };
  };
  return [
    ['100 fields', filled(100, 'behind'), 'accepted'],
    ['100 fields, ours behind', filled(100, 'in front'), 'accepted'],
    ['101 fields', filled(101, 'behind'), 'headers_too_many'],
    ['101 fields, ours behind', filled(101, 'in front'), 'headers_too_many'],
    ['1,990 fields', filled(1_990, 'behind'), 'headers_too_many'],
    ['2,010 fields, ours behind', filled(2_010, 'in front'), 'refused'],
    ['a value of 20,000 bytes', added(make.get(), 'X-A', 'v'.repeat(20_000)), 'refused'],
  ];
}
