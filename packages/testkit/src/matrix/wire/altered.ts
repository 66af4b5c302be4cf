import { Buffer } from 'node:buffer';
import {
  headerOf,
  withAuthorization,
  withBody,
  withHeader,
  withMethod,
  withoutHeader,
  withTarget,
} from '../../tamper.js';
import {
  added,
  type Case,
  type Expected,
  intoTrailer,
  JSON_BODY,
  type Requests,
  text,
  type View,
} from './requests.js';

export function altered(make: Requests): Case[] {
  const post = () => make.post();
  const signature = `${'A'.repeat(43)}=`;
  const as = (expected: Expected, requests: Record<string, View | string>): Case[] =>
    Object.entries(requests).map(([name, request]) => [name, request, expected]);
  return [
    ...as('signature_mismatch', {
      ...Object.fromEntries(
        ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'GET', 'PURGE'].map((method) => [
          `POST made ${method}`,
          withMethod(post(), method),
        ]),
      ),
      'GET made HEAD': withMethod(make.get(), 'HEAD'),
      'HEAD made GET': withMethod(make.get('/', { method: 'HEAD' }), 'GET'),
      'another path': withTarget(post(), '/order'),
      'a path in capitals': withTarget(post(), '/Orders'),
      'a slash more': withTarget(post(), '/orders/'),
      'a query': withTarget(post(), '/orders?a'),
      'a query, another value': withTarget(make.get('/?a=1'), '/?a=2'),
      'a query, one more': withTarget(make.get('/?a=1'), '/?a=1&a=1'),
      'a query, one less': withTarget(make.get('/?a=1&b=2'), '/?a=1'),
      'an encoded slash decoded': withTarget(make.get('/a%2Fb'), '/a/b'),
      'a slash encoded': withTarget(make.get('/a/b'), '/a%2Fb'),
      'an encoding encoded again': withTarget(make.get('/a%20b'), '/a%2520b'),
      'another nonce': withHeader(post(), 'x-nonce', 'B'.repeat(22)),
      'another second': withHeader(post(), 'date', 'Wed, 01 Jan 2020 12:00:31 GMT'),
      'another digest': withHeader(post(), 'content-digest', `sha-256=:${'A'.repeat(43)}=:`),
      'another type': withHeader(post(), 'content-type', 'application/xml'),
      'a space within a value': text(post()).replace(/(Date: \w+,) /, '$1  '),
      'another signature': withAuthorization(post(), { signature }),
      'a signed field changed': withHeader(
        make.get('/', { headers: { 'X-Tenant': 'a' }, signedHeaders: ['x-tenant'] }),
        'x-tenant',
        'b',
      ),
      'a signed override changed': withHeader(
        make.post({ headers: { 'X-HTTP-Method-Override': 'PATCH' } }),
        'x-http-method-override',
        'DELETE',
      ),
    }),
    ...as('credential_unknown', {
      'another credential': withAuthorization(post(), { credential: 'somebody-else' }),
    }),
    ...as('digest_mismatch', {
      'another body': withBody(post(), JSON_BODY.replace('2', '9')),
      'a body with a byte more': withBody(post(), `${JSON_BODY} `),
      'a body with a byte less': withBody(post(), JSON_BODY.slice(0, -1)),
      'no body where one was signed': withBody(post(), ''),
      'another body, chunked': withBody(make.chunked(), JSON_BODY.replace('2', '9')),
      'an empty body, chunked': withBody(make.chunked(), ''),
      'another body of a GET': withBody(make.post({ method: 'GET' }), JSON_BODY.replace('2', '9')),
      'another body of a GET, chunked': withBody(
        make.chunked({ method: 'GET' }),
        JSON_BODY.replace('2', '9'),
      ),
      'another body of a DELETE': withBody(make.post({ method: 'DELETE' }), '{}'),
    }),
    ...as('digest_missing', {
      'a body nobody signed': withBody(withHeader(make.get(), 'content-length', '0'), 'x'),
      'a chunked body nobody signed': {
        ...added(make.get(), 'Transfer-Encoding', 'chunked'),
        body: Buffer.from('x'),
      },
      'a body nobody signed, of a DELETE': withBody(
        withHeader(make.get('/', { method: 'DELETE' }), 'content-length', '0'),
        'x',
      ),
    }),
    ...as('header_missing', {
      'no Date': withoutHeader(post(), 'date'),
      'no nonce': withoutHeader(post(), 'x-nonce'),
      'a signed field taken away': withoutHeader(
        make.get('/', { headers: { 'X-Tenant': 'a' }, signedHeaders: ['x-tenant'] }),
        'x-tenant',
      ),
      'a nonce in a trailer': intoTrailer(make.chunked(), 'X-Nonce'),
    }),
    ...as('authorization_missing', {
      'no Authorization': withoutHeader(post(), 'authorization'),
      'no Authorization, no body': withoutHeader(make.get(), 'authorization'),
      'Authorization in a trailer': intoTrailer(make.chunked(), 'Authorization'),
      'Proxy-Authorization instead': text(post()).replace('Authorization:', 'Proxy-Authorization:'),
    }),
    ...as('header_unsigned', {
      'an override nobody signed': added(post(), 'X-HTTP-Method-Override', 'DELETE'),
      'another override nobody signed': added(post(), 'X-Method-Override', 'DELETE'),
      'a type nobody signed': added(make.post({ headers: {} }), 'Content-Type', 'text/html'),
      'an encoding nobody signed': added(post(), 'Content-Encoding', 'gzip'),
    }),
    ...as('date_expired', { 'signed long ago': make.get('/', { now: () => 0 }) }),
    ...as('date_in_future', {
      'signed tomorrow': make.get('/', { now: () => Date.parse('2020-01-02T12:00:30Z') }),
    }),
    ...as('body_too_large', {
      'more than fits': make.post({ body: new Uint8Array(2 ** 20 + 1) }),
      'more than fits, chunked': make.chunked({ body: new Uint8Array(2 ** 20 + 1) }),
    }),
  ];
}

export function duplicated(make: Requests): Case[] {
  const fields = {
    Authorization: 'HMAC-256 x',
    Host: 'api.example.com',
    Date: 'Wed, 01 Jan 2020 12:00:30 GMT',
    'X-Nonce': 'A'.repeat(22),
    'Content-Digest': 'sha-256=:AAAA:',
    'Content-Type': 'application/json',
    'Content-Length': '21',
    'Content-Encoding': 'identity',
    'X-HTTP-Method-Override': 'DELETE',
  };
  const headers = {
    'Content-Type': 'application/json',
    'Content-Encoding': 'identity',
    'X-HTTP-Method-Override': 'DELETE',
  };
  return Object.entries(fields).flatMap(([name, value]) => {
    const view = make.post({ headers });
    const same = headerOf(view, name) ?? value;
    const twice = (spelling: string, second: string): [View, View] => [
      { ...view, headers: [...view.headers, spelling, second] },
      { ...view, headers: [spelling, second, ...view.headers] },
    ];
    return [
      [`${name} of the same value`, twice(name, same)] as const,
      [`${name} of another value`, twice(name.toLowerCase(), value)] as const,
      [`${name} empty`, twice(name.toUpperCase(), '')] as const,
    ].flatMap(([what, [behind, before]]): Case[] => [
      [`a second ${what}, behind`, behind, 'header_duplicated'],
      [`a second ${what}, in front`, before, 'header_duplicated'],
    ]);
  });
}
