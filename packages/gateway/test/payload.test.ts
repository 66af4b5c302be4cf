import { createPolicy, type PayloadRules, type PolicyPayload } from '@countersign/server/policy';
import { describe, expect, it } from 'vitest';
import { answerPayloadFault, checkPayload } from '../src/payload/payload.js';

/** The rules as a policy hands them on. */
function rulesOf(payload: PolicyPayload = {}): PayloadRules {
  const policy = createPolicy({ routes: ['* /**'], payload }, { checksPayload: true });
  const rule = policy.decide({ credential: 'acme', method: 'POST', target: '/' });
  return (rule as { payload: PayloadRules }).payload;
}

const TYPES = [
  ...['application/json', 'application/problem+json', 'application/xml', 'text/xml'],
  ...['image/svg+xml', 'text/plain'],
];

function code(
  body: string | Uint8Array,
  contentType: string | undefined = 'application/json',
  payload: PolicyPayload = {},
  contentEncoding?: string,
): string | undefined {
  const rules = rulesOf({ contentTypes: TYPES, ...payload });
  const fault = checkPayload({ body: Buffer.from(body), contentType, contentEncoding }, rules);
  return fault?.code;
}

describe('content types', () => {
  it.each([
    'application/json',
    'Application/JSON',
    'application/json;charset=UTF-8',
    'application/json; charset="utf-8"',
    'application/problem+json; profile=x',
    ' application/json\t',
  ])('%j is taken', (type) => expect(code('{}', type)).toBeUndefined());

  it.each([
    ...['', 'json', 'application', 'application/', 'text/html', 'application/jsonx', '*/*'],
    ...['application/json, text/plain', 'application/json; charset=utf-16', 'text/plain text'],
    ...['application/json; charset', 'application/json; charset=utf-8; charset=utf-16'],
    ...['application/json; charset=utf-8; Charset=utf-7', 'application/json;charset=utf8\n'],
  ])('%j is not', (type) => expect(code('{}', type)).toBe('content_type_not_allowed'));

  it('must be said where there is a body, and are not looked at where there is none', () => {
    const rules = rulesOf();
    const nothing = { contentType: undefined, contentEncoding: undefined };
    expect(checkPayload({ body: Buffer.from('{}'), ...nothing }, rules)?.status).toBe(415);
    expect(checkPayload({ body: Buffer.alloc(0), ...nothing }, rules)).toBeUndefined();
    expect(code('{}', 'application/json', { contentTypes: [] })).toBe('content_type_not_allowed');
    expect(code('<a/>', 'application/xml', { contentTypes: ['application/json'] })).toBe(
      'content_type_not_allowed',
    );
  });

  it('of other kinds say nothing of the body', () => {
    expect(code('{"__proto__": <!DOCTYPE', 'text/plain; charset=latin1')).toBeUndefined();
  });
});

describe('content codings', () => {
  it('are not looked into', () => {
    for (const coding of ['gzip', 'br', 'gzip, identity', 'identity, identity', '']) {
      const found = code('{}', 'application/json', {}, coding);
      expect(found, coding).toBe('content_encoding_not_allowed');
    }
    expect(code('{}', 'application/json', {}, 'Identity')).toBeUndefined();
  });
});

describe('JSON', () => {
  it.each([
    ...['{}', '[]', '0', 'null', '"a"', ' {"a":[1,{"b":null}]} \r\n\t', '{"":1,"a":{"":2}}'],
    ...['{"a":{"b":1},"b":{"b":2}}', '[{"a":1},{"a":1}]', '-0.5e+3', '"\\ud800"', '"é\\u00e9"'],
    ...['{"proto":1,"__proto":2,"prototype":3,"Constructor":4}', '["__proto__","constructor"]'],
  ])('%s is taken', (body) => expect(code(body)).toBeUndefined());

  it.each([
    ...[' ', '{', '{"a"}', '{a:1}', "{'a':1}", '{"a":1,}', '[1,]', '[,1]', '[1 2]', '{} {}', '01'],
    ...['1.', '.5', '+1', '-', '1e', 'NaN', 'Infinity', 'undefined', 'True', 'nul', '"a', '"\t"'],
    ...['// a\n{}', '{}/* a */', '"\\x41"', '"\\u12"', '\u00a0{}', '\ufeff{}', '{"a":1]', ']'],
    ...['{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '{"x":{"a":1,"b":{"a":1},"a":2}}', '\0'],
  ])('%j is malformed', (body) => expect(code(body)).toBe('payload_malformed'));

  it.each([
    ...['{"__proto__":1}', '{"a":[{"__proto__":{"x":1}}]}', '{"constructor":{"prototype":{}}}'],
    ...['{"\\u005f_proto__":1}', '{"\\u0063onstructor":1}'],
  ])('%s is forbidden', (body) => expect(code(body)).toBe('payload_forbidden'));

  it('has so many levels, names and characters, and no more', () => {
    const json = 'application/json';
    const rules = { maxDepth: 3, maxKeys: 4, maxStringLength: 20 };
    const met = (body: string) => code(body, json, rules);
    expect(met('[{"a":[]}]')).toBeUndefined();
    expect(met('[{"a":[[]]}]')).toBe('payload_too_complex');
    expect(met('[[],[],[[]],[[]]]')).toBeUndefined();
    expect(met('{"a":1,"b":2,"c":{"d":3}}')).toBeUndefined();
    expect(met('[{"a":1,"b":2},{"c":1,"d":2},{"e":3}]')).toBe('payload_too_complex');
    for (const [fits, over] of [
      ['a'.repeat(20), 'a'.repeat(21)],
      ['é'.repeat(20), 'é'.repeat(21)],
      ['😀'.repeat(10), `${'😀'.repeat(10)}a`],
      ['\\u0061'.repeat(20), '\\u0061'.repeat(21)],
    ]) {
      expect(met(`["${fits}"]`), fits).toBeUndefined();
      expect(met(`["${over}"]`), over).toBe('payload_too_complex');
      expect(met(`{"${fits}":1}`), fits).toBeUndefined();
      expect(met(`{"${over}":1}`), over).toBe('payload_too_complex');
    }
    expect(met(`[${'1'.repeat(20)}]`)).toBeUndefined();
    expect(met(`[${'1'.repeat(21)}]`)).toBe('payload_too_complex');
    expect(code('[]', json, { maxDepth: 0 })).toBe('payload_too_complex');
    expect(code('7', json, { maxDepth: 0, maxKeys: 0 })).toBeUndefined();
  });
});

describe('XML', () => {
  const xml = (body: string | Uint8Array, payload: PolicyPayload = {}) =>
    code(body, 'application/xml', payload);

  it.each([
    ...['<a/>', '<?xml version="1.0" encoding="UTF-8"?>\n<a b="1"><c>&lt;&amp;&#65;</c></a>\n'],
    ...['<n:a xmlns:n="urn:x"><n:b/></n:a>', '<a><!-- b --><![CDATA[<!DOCTYPE a>]]></a>'],
  ])('%s is taken', (body) => expect(xml(body)).toBeUndefined());

  it.each([
    ...['<!DOCTYPE a><a/>', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ...['<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', '<?xml-stylesheet href="x"?><a/>'],
    ...['<__proto__/>', '<a><constructor/></a>', '<a __proto__="1"/>'],
  ])('%s is forbidden', (body) => expect(xml(body)).toBe('payload_forbidden'));

  it.each([
    ...[' ', 'a', '<a>', '<a></b>', '<a/><b/>', '<a b="1" b="2"/>', '<a b=1/>', '<a>&b;</a>'],
    ...['<a>&nbsp;</a>', '<a>&#0;</a>', '<a>\u0001</a>', '<a><!-- a -- b --></a>', '\ufeff<a/>'],
    ...['<?xml version="1.0" encoding="UTF-16"?><a/>', '<!ENTITY a "b"><a/>', '<a>]]></a>'],
  ])('%j is malformed', (body) => expect(xml(body)).toBe('payload_malformed'));

  it('has so many levels, names and characters, and no more', () => {
    const rules = { maxDepth: 2, maxKeys: 3, maxStringLength: 20 };
    expect(xml('<a><b/><c/></a>', rules)).toBeUndefined();
    expect(xml('<a><b><c/></b></a>', rules)).toBe('payload_too_complex');
    expect(xml('<a b="1" c="2"/>', rules)).toBeUndefined();
    expect(xml('<a b="1" c="2"><d/></a>', rules)).toBe('payload_too_complex');
    for (const [before, after] of [
      ['<a>', '</a>'],
      ['<a b="', '"/>'],
      ['<a><!--', '--></a>'],
      ['<a><![CDATA[', ']]></a>'],
    ]) {
      expect(xml(`${before}${'x'.repeat(20)}${after}`, rules), before).toBeUndefined();
      expect(xml(`${before}${'x'.repeat(21)}${after}`, rules), before).toBe('payload_too_complex');
    }
    const parts = `<a>${'x'.repeat(10)}<![CDATA[${'x'.repeat(10)}]]>&lt;</a>`;
    expect(xml(parts, rules)).toBe('payload_too_complex');
  });
});

describe('bytes', () => {
  it('that are not UTF-8 are malformed', () => {
    for (const bytes of [
      ...[
        [0x22, 0xff, 0x22],
        [0x22, 0xc0, 0x80, 0x22],
        [0x22, 0xed, 0xa0, 0x80, 0x22],
      ],
      ...[
        [0x22, 0xe9, 0x22],
        [0xef, 0xbb, 0xbf, 0x7b, 0x7d],
        [0xff, 0xfe, 0x7b, 0, 0x7d, 0],
      ],
    ]) {
      expect(code(Uint8Array.from(bytes)), `${bytes}`).toBe('payload_malformed');
    }
  });
});

describe('the answer', () => {
  it('is a problem document that quotes nothing', () => {
    const rules = rulesOf();
    const type = { contentType: 'application/json', contentEncoding: undefined };
    const fault = checkPayload({ body: Buffer.from('{"__proto__":"hunter2"}'), ...type }, rules);
    const answer = answerPayloadFault(fault as never);
    expect(answer.status).toBe(422);
    expect(answer.headers['Content-Type']).toBe('application/problem+json');
    expect(JSON.parse(answer.body)).toEqual({
      type: 'urn:countersign:gateway:payload_forbidden',
      title: expect.stringMatching(/\w/),
      status: 422,
      detail: expect.not.stringContaining('hunter2'),
      code: 'payload_forbidden',
    });
  });
});
