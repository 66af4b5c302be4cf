import { withAddedHeader, withHeader } from '../../tamper.js';
import { added, type Case, JSON_BODY, type Requests, text, type View, words } from './requests.js';

export function honest(make: Requests): Case[] {
  const typed = (type: string, body: string | Uint8Array) =>
    make.post({ headers: { 'Content-Type': type }, body });
  const form = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n';
  const post = text(make.post());
  const withTrailers = text(make.chunked()).replace(
    '\r\n0\r\n\r\n',
    '\r\n0\r\nAuthorization: HMAC-256 x\r\nX-Nonce: other\r\nHost: evil.example\r\n\r\n',
  );
  const requests: [string, View | string][] = [
    ...['GET', 'HEAD', 'OPTIONS', 'DELETE', 'PATCH', 'PUT', 'POST'].map(
      (method): [string, View] => [method, make.get('/a', { method })],
    ),
    ...['TRACE', 'PROPFIND', 'REPORT', 'PURGE', 'M-SEARCH'].map((method): [string, View] => [
      method,
      make.get('/a', { method }),
    ]),
    ...['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'GET', 'HEAD'].map((method): [string, View] => [
      `${method} with a body`,
      make.post({ method }),
    ]),
    ['GET with a chunked body', make.chunked({ method: 'GET' })],
    ['a body of one byte', typed('text/plain', 'x')],
    ['an empty body', typed('text/plain', '')],
    [
      'every byte',
      typed(
        'application/octet-stream',
        Uint8Array.from({ length: 256 }, (_, i) => i),
      ),
    ],
    ['64 KiB', typed('application/octet-stream', new Uint8Array(65_536).fill(7))],
    ['plain text', typed('text/plain; charset=utf-8', 'gr\xfc\xdfe')],
    ['a form', typed('application/x-www-form-urlencoded', 'a=1&b=%20&a=2')],
    ['a multipart form', typed('multipart/form-data; boundary=b', form)],
    ['JSON with white space', typed('application/json', ' { "a" : 1 }\n')],
    ['a body of no stated type', make.post({ headers: {} })],
    ['chunked', make.chunked()],
    ['chunked in pieces', rechunked(make.chunked(), [1, 2, 3, 5, 10])],
    ['chunked with extensions', text(make.chunked()).replace('\r\n15\r\n', '\r\n15;a=b;c\r\n')],
    ['chunked with trailers that name signed fields', withTrailers],
    ['a length with zeros in front', post.replace('Content-Length: 21', 'Content-Length: 0021')],
    ['HTTP/1.0', post.replace('HTTP/1.1', 'HTTP/1.0')],
    ['HTTP/0.9', text(make.get()).replace('HTTP/1.1', 'HTTP/0.9')],
    ['no version', text(make.get()).replace(' HTTP/1.1', '')],
    ['an empty line in front', `\r\n${post}`],
    ['field names in capitals', post.replace(/^[\w-]+(?=: )/gm, (name) => name.toUpperCase())],
    ['field names in small letters', post.replace(/^[\w-]+(?=: )/gm, (name) => name.toLowerCase())],
    ['white space around a value', post.replace(/Date: (.*)\r/, 'Date:\t $1 \t\r')],
    ['no white space before a value', post.replace(/^([\w-]+): /gm, '$1:')],
    ['the fields in another order', { ...make.post(), headers: reversed(make.post().headers) }],
    ['Host in capitals', withHeader(make.get(), 'host', 'API.EXAMPLE.COM')],
    ['X-Date', make.get('/', { dateHeader: 'x-date' })],
    [
      'X-Date beside a Date nobody signed',
      withAddedHeader(make.get('/', { dateHeader: 'x-date' }), 'Date', 'unsigned'),
    ],
    [
      'a signed field of its own',
      make.get('/', { headers: { 'X-Tenant': 'a, b' }, signedHeaders: ['x-tenant'] }),
    ],
    [
      'unsigned fields twice',
      added(make.get(), 'Cookie', 'a=1', 'Cookie', 'b=2', 'X-A', '1', 'X-A', '2'),
    ],
    ['8-bit bytes in a field nobody signs', added(make.get(), 'User-Agent', 'caf\xe9 \xff')],
    ['names that objects inherit', added(make.get(), '__proto__', 'x', 'constructor', 'y')],
    [
      'forwarded fields of nobody in particular',
      added(
        make.get(),
        'X-Forwarded-Host',
        'evil.example',
        'X-Forwarded-For',
        '192.0.2.1',
        'Forwarded',
        'for=192.0.2.1;host=evil.example',
      ),
    ],
    [
      'an original URL of nobody in particular',
      added(make.get(), 'X-Original-URL', '/admin', 'X-Rewrite-URL', '/admin'),
    ],
    ['Connection: close', added(make.get(), 'Connection', 'close')],
    ['Upgrade to what nobody offers', added(make.get(), 'Connection', 'Upgrade', 'Upgrade', 'x')],
    ['a signed method override', make.post({ headers: { 'X-HTTP-Method-Override': 'DELETE' } })],
    ...targets().map((target): [string, View] => [`target ${target}`, make.get(target)]),
  ];
  return requests.map(([name, request]) => [`honest, ${name}`, request, 'accepted']);
}

/** Targets that stay what they are, though parsers are tempted to mend them. */
function targets(): string[] {
  return [
    ...words(
      '/? /?a /?a= /?a=b&a=a /?b=2&a=1 /?=x /?&&a=1 /a?b?c /?a=b=c /;a=b /a;b=c/d /?a=/../b',
    ),
    ...words(
      "/%7Euser /%7euser /~user /a%20b /a+b /?a=b+c /?a=%2B /?q=%26%3D /?a=%0D%0A /?q='x' /...",
    ),
    ...words(
      '/caf%C3%A9 /%F0%9F%98%80 /a%2Fb /a%3Fb /a%23b /a%25b /a%252Fb /.a /a./b /a. /a/ /a:b@c',
    ),
    ...words(
      "/!$&'()*+,;=:@ /?a[]=1&a[]=2 /?u=https://other.example/a%3Fb /constructor /__proto__",
    ),
    ...words('/a|b /a^b /a"b /a<b> /a`b /{a} /[a] /?{a} /?a|b /?" /?<b> /?`a /?^'),
    `/${'a'.repeat(2_000)}`,
  ];
}

function reversed(headers: readonly string[]): string[] {
  const pairs = headers.flatMap((name, i) =>
    i % 2 === 0 ? [[name, headers[i + 1] as string]] : [],
  );
  return pairs.reverse().flat();
}

/** The same chunked request, its body cut after these many bytes. */
function rechunked(view: View, sizes: readonly number[]): string {
  const whole = text(view);
  const head = whole.slice(0, whole.indexOf('\r\n\r\n') + 4);
  let chunks = '';
  let at = 0;
  for (const size of [...sizes, JSON_BODY.length]) {
    const piece = JSON_BODY.slice(at, at + size);
    if (piece !== '') chunks += `${piece.length.toString(16)}\r\n${piece}\r\n`;
    at += size;
  }
  return `${head}${chunks}0\r\n\r\n`;
}
