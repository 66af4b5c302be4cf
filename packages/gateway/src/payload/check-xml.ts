import type { PayloadRules } from '@countersign/server/policy';
import { SaxesParser } from 'saxes';
import { stop } from './payload-fault.js';
import { PayloadLimits } from './payload-limits.js';

/** Goes through an XML document once. What could make a parser read or make more than the body is refused. */
export function checkXml(text: string, rules: PayloadRules): void {
  const limits = new PayloadLimits(rules);
  // Namespaces are looked up through all levels, and matter to nothing here.
  const parser = new SaxesParser({ xmlns: false });
  let row = 0;
  const isText = (piece: string) => {
    row += piece.length;
    limits.length(row);
  };
  parser.on('doctype', () => {
    stop('payload_forbidden', 'The body has a document type, which could declare entities.');
  });
  parser.on('processinginstruction', () => {
    stop('payload_forbidden', 'The body has a processing instruction.');
  });
  parser.on('xmldecl', ({ encoding = 'utf-8' }) => {
    if (encoding.toLowerCase() === 'utf-8') return;
    stop('payload_malformed', 'The body is UTF-8, and declares another encoding.');
  });
  parser.on('opentagstart', ({ name }) => {
    row = 0;
    limits.enter();
    limits.name(name);
  });
  parser.on('attribute', ({ name, value }) => {
    limits.name(name);
    limits.length(value.length);
  });
  parser.on('closetag', () => {
    row = 0;
    limits.leave();
  });
  parser.on('text', isText);
  parser.on('cdata', isText);
  parser.on('comment', (comment) => limits.length(comment.length));
  parser.on('error', () => stop('payload_malformed', 'The body is not well-formed XML.'));
  parser.write(text).close();
}
