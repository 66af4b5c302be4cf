import { withMethod, withTarget } from '../../tamper.js';
import { type Case, type Requests, words } from './requests.js';

export function retargeted(make: Requests): Case[] {
  const malformed = [
    ...words('// //evil.example/ /a//b /a/../b /a/./b /.. /. /a/.. /a/%2e%2e/b /a/.%2E /a/..;x/b'),
    ...words(
      '/a/..%2fb /a%5c..%5cb /a\\b /\\evil.example /% /%zz /%00 /?a=%00 /%0a /a#b /?a#b * ?a',
    ),
    ...words('http://api.example.com/ http://evil.example/ https://api.example.com/ ws://a/ urn:x'),
    ...['/\x7f', '/\x01', '/?\x01', '/a\tb'],
  ];
  const parsed = [
    ...['/a/../b', '/./b', '/a/./../b', '/%2e/b', '/a/%2e%2e/b', '/a/.%2E/b', '/../b', '/../../b'],
    ...['\\b', '/a\\..\\b', '/b#c', 'http://api.example.com/b', 'https://api.example.com/b'],
    ...['http://evil.example/b', '//api.example.com/b', '/b\t', '/\tb', 'b'],
  ];
  const never = ['api.example.com', 'api.example.com:443', 'a b', '/a b', '/caf\xe9', ''];
  return [
    ...malformed.map(
      (target): Case => [
        `target ${JSON.stringify(target)}`,
        withTarget(make.get('/x'), target),
        'target_malformed',
      ],
    ),
    ...parsed.map(
      (target): Case => [
        `signed as /b, sent as ${JSON.stringify(target)}`,
        withTarget(make.get('/b'), target),
        'target_malformed',
      ],
    ),
    ...never.map(
      (target): Case => [
        `target ${JSON.stringify(target)}`,
        withTarget(make.get('/x'), target),
        'refused',
      ],
    ),
    [
      'signed as /a%20b, sent with a plus',
      withTarget(make.get('/a%20b'), '/a+b'),
      'signature_mismatch',
    ],
    [
      'signed as /?a=%27, sent as it is',
      withTarget(make.get('/?a=%27b'), "/?a='b"),
      'signature_mismatch',
    ],
    ['signed as /%7e, sent as it is', withTarget(make.get('/%7e'), '/~'), 'accepted'],
    ['a query in another order', withTarget(make.get('/?a=1&b=2'), '/?b=2&a=1'), 'accepted'],
    ['CONNECT', withTarget(make.get('/', { method: 'GET' }), 'api.example.com:443'), 'refused'],
    [
      'CONNECT in earnest',
      withMethod(withTarget(make.get(), 'api.example.com:443'), 'CONNECT'),
      'refused',
    ],
  ];
}
