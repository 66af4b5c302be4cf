import { randomBytes } from 'node:crypto';
import type { FormField } from './form-argument.js';

// What curl takes a file to be by the end of its name.
const TYPES: readonly (readonly [end: string, type: string])[] = [
  ['.gif', 'image/gif'],
  ['.jpg', 'image/jpeg'],
  ['.jpeg', 'image/jpeg'],
  ['.png', 'image/png'],
  ['.svg', 'image/svg+xml'],
  ['.txt', 'text/plain'],
  ['.htm', 'text/html'],
  ['.html', 'text/html'],
  ['.pdf', 'application/pdf'],
  ['.xml', 'application/xml'],
];

/** The fields as one multipart/form-data body (RFC 7578), and the Content-Type that names its boundary. */
export async function multipart(
  fields: readonly FormField[],
  read: (path: string) => Promise<Buffer>,
): Promise<{ readonly bytes: Buffer; readonly type: string }> {
  // Of 128 random bits: no content can have it but by knowing it.
  const boundary = `------------------------${randomBytes(16).toString('hex')}`;
  const pieces: Buffer[] = [];
  for (const field of fields) {
    const content = field.kind === 'text' ? Buffer.from(field.value) : await read(field.value);
    pieces.push(
      Buffer.from(`--${boundary}\r\n${headOf(field)}\r\n\r\n`),
      content,
      Buffer.from('\r\n'),
    );
  }
  pieces.push(Buffer.from(`--${boundary}--\r\n`));
  return { bytes: Buffer.concat(pieces), type: `multipart/form-data; boundary=${boundary}` };
}

function headOf(field: FormField): string {
  const filename = filenameOf(field);
  const shown = filename === undefined ? '' : `; filename="${escaped(filename)}"`;
  const type = field.type ?? usualType(field, filename);
  return [
    `Content-Disposition: form-data; name="${escaped(field.name)}"${shown}`,
    ...(type === undefined ? [] : [`Content-Type: ${type}`]),
  ].join('\r\n');
}

function filenameOf({ kind, value, filename }: FormField): string | undefined {
  return filename ?? (kind === 'file' ? value.slice(value.lastIndexOf('/') + 1) : undefined);
}

/** As curl guesses it. */
function usualType({ kind, value }: FormField, filename: string | undefined): string | undefined {
  const guess = guessed(filename ?? '') ?? (kind === 'text' ? undefined : guessed(value));
  if (filename === undefined) return guess === 'text/plain' ? undefined : guess;
  return guess ?? (kind === 'file' && value !== '-' ? 'application/octet-stream' : undefined);
}

function guessed(name: string): string | undefined {
  return TYPES.find(([end]) => name.toLowerCase().endsWith(end))?.[1];
}

/** Within its quotes, as browsers write it. */
function escaped(text: string): string {
  return text.replaceAll('\r', '%0D').replaceAll('\n', '%0A').replaceAll('"', '%22');
}
