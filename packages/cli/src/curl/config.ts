import { curlHeader } from '../header-argument.js';
import type { CurlPlan } from './plan.js';

/**
 * The request as a configuration for `curl -K -`: what stands there is not shown by `ps`.
 *
 * @param headers - the signer's, to be sent besides those of the plan
 * @param host - value of the Host field; curl would write some addresses in another way than was signed
 * @param file - file with the body's bytes
 */
export function curlConfig(
  plan: CurlPlan,
  headers: Readonly<Record<string, string>>,
  host: string,
  file: string | undefined,
): string {
  const lines = [`url = ${quoted(plan.url)}`];
  if (plan.head) lines.push('head');
  if (plan.method !== usualMethod(plan)) lines.push(`request = ${quoted(plan.method)}`);
  for (const [name, value] of [['Host', host], ...plan.fields, ...Object.entries(headers)]) {
    lines.push(`header = ${quoted(curlHeader(name as string, value as string))}`);
  }
  for (const name of plan.removed) lines.push(`header = ${quoted(`${name}:`)}`);
  if (file !== undefined) {
    const isStreamed = plan.body !== undefined && 'file' in plan.body;
    lines.push(
      isStreamed ? `upload-file = ${quoted(file)}` : `data-binary = ${quoted(`@${file}`)}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** What curl takes by itself for what it is told to send. */
function usualMethod({ head, body }: CurlPlan): string {
  if (head) return 'HEAD';
  if (body === undefined) return 'GET';
  return 'file' in body ? 'PUT' : 'POST';
}

/** Within quotes curl gives a meaning to the backslash and the quote alone; a line break would begin another option. */
function quoted(text: string): string {
  if (/[\r\n\0]/.test(text)) throw new Error('a line break cannot stand in a curl configuration');
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}
