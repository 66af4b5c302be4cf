import { type Case, JSON_BODY, type Requests, text } from './requests.js';

export function misframed(make: Requests): Case[] {
  const post = text(make.post());
  const chunks = `\r\n15\r\n${JSON_BODY}\r\n0\r\n\r\n`;
  const lines = [
    ...['Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: identity'],
    ...['Transfer-Encoding: xchunked', 'Transfer-Encoding: chunked;q=1'],
    ...['Transfer-Encoding: chunked, chunked', 'Transfer-Encoding: "chunked"'],
    ...['Transfer-Encoding: \x0bchunked', 'Transfer-Encoding : chunked', 'Transfer-Encoding:'],
    'Content-Length: 21\r\nTransfer-Encoding: chunked',
    'Transfer-Encoding: chunked\r\nContent-Length: 21',
    'Content-Length: 0\r\nTransfer-Encoding: chunked',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
    ...['+21', '-21', '21, 21', '0x15', '2 1', '21.0', '2e1', '', '99999999999999999999'].map(
      (length) => `Content-Length: ${length}`,
    ),
  ];
  const chunked = text(make.chunked());
  const broken = {
    'a chunk size that is no number': chunked.replace('\r\n15\r\n', '\r\nxy\r\n'),
    'a chunk size with a sign': chunked.replace('\r\n15\r\n', '\r\n+15\r\n'),
    'a chunk size in hex notation': chunked.replace('\r\n15\r\n', '\r\n0x15\r\n'),
    'a chunk longer than it says': chunked.replace('\r\n15\r\n', '\r\n14\r\n'),
    'a chunk size beyond all bounds': chunked.replace('\r\n15\r\n', `\r\n${'f'.repeat(17)}\r\n`),
    'a bare LF after a chunk size': chunked.replace('\r\n15\r\n', '\r\n15\n'),
  };
  return [
    ...lines.map(
      (line): Case => [
        `framing, ${JSON.stringify(line)}`,
        post.replace('Content-Length: 21', line).replace(`\r\n${JSON_BODY}`, chunks),
        'refused',
      ],
    ),
    ...Object.entries(broken).map(([name, request]): Case => [name, request, 'refused']),
  ];
}

export function misspelt(make: Requests): Case[] {
  const get = text(make.get());
  const requests = {
    'bare LF between two fields': get.replace('\r\nDate', '\nDate'),
    'bare LF everywhere': get.replaceAll('\r\n', '\n'),
    'bare CR between two fields': get.replace('\r\nDate', '\rDate'),
    'a folded line': get.replace('\r\nDate', '\r\n folded\r\nDate'),
    'a folded Authorization': get.replace(', ', ',\r\n '),
    'a folded line in front of all': get.replace('\r\nHost', '\r\n Host'),
    'a space before the colon': get.replace('Date:', 'Date :'),
    'NUL in a value': get.replace('Date: ', 'Date: \0'),
    'NUL in a name': get.replace('Date:', 'Da\0te:'),
    'a name that is empty': get.replace('Date:', ':'),
    'a line without a colon': get.replace('Date: ', 'Date '),
    'a name in brackets': get.replace('\r\nDate', '\r\n(x): y\r\nDate'),
    'an 8-bit byte in a name': get.replace('\r\nDate', '\r\nx\xe9: y\r\nDate'),
    'a version of five parts': get.replace('HTTP/1.1', 'HTTP/1.1.1.1.1'),
    'HTTP/3.0': get.replace('HTTP/1.1', 'HTTP/3.0'),
    'another protocol': get.replace('HTTP/1.1', 'HTTQ/1.1'),
    'a method in small letters': get.replace('GET', 'get'),
    'a method nobody knows': get.replace('GET', 'FETCH'),
    'two spaces after the method': get.replace('GET /', 'GET  /').replace('/ HTTP', '/x HTTP'),
    'a tab after the method': get.replace('GET /', 'GET\t/'),
    'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'the hello of TLS': '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n',
    'nothing but line ends': '\r\n\r\n\r\n: \r\n\r\n',
  };
  return Object.entries(requests).map(([name, request]) => [name, request, 'refused']);
}
