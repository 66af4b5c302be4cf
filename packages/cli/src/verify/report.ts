import type { Refusal } from '@countersign/core';
import type { Accepted } from '@countersign/server';
import { printable, style } from '../output.js';
import type { CheckedRequest } from './raw-request.js';

/** The verdict as JSON. */
export function reportJson({ verdict, method }: CheckedRequest): string {
  const report =
    verdict.verdict === 'accepted'
      ? {
          verdict: 'accepted',
          credential: verdict.identity.credential,
          secretId: verdict.identity.secretId ?? null,
          method,
          target: verdict.target,
          signedHeaders: verdict.identity.signedHeaders,
          bodyBytes: verdict.body.length,
        }
      : {
          verdict: 'refused',
          code: verdict.code,
          status: verdict.status,
          title: verdict.title,
          detail: verdict.detail,
          advice: verdict.advice,
          stringToSign: verdict.stringToSign,
        };
  return JSON.stringify(report, undefined, 2);
}

/** The verdict for people. */
export function reportText({ verdict, method }: CheckedRequest): string {
  return verdict.verdict === 'accepted' ? acceptedText(verdict, method) : refusedText(verdict);
}

function acceptedText({ identity, target, body }: Accepted, method: string | undefined): string {
  const { credential, secretId, signedHeaders } = identity;
  return [
    `${style('green', 'accepted')} ${credential}${secretId === undefined ? '' : ` (secret ${secretId})`}`,
    `  ${method} ${target}`,
    `  signed: ${signedHeaders.join(' ')}`,
    `  body: ${body.length} bytes`,
  ].join('\n');
}

function refusedText({ code, status, title, detail, advice, stringToSign }: Refusal): string {
  const lines = [
    `${style('red', 'refused')} ${code} (${status})`,
    `  ${title}.`,
    `  ${printable(detail)}`,
    `  ${advice}`,
  ];
  if (stringToSign !== undefined) {
    const shown = stringToSign.trimEnd().split('\n').map(printable);
    lines.push('  The string to sign:', ...shown.map((line) => `    ${line}`));
  }
  return lines.join('\n');
}
