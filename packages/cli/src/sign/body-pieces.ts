import { usage } from '../exit.js';
import { percentEncoded } from '../percent-encoding.js';

/** One `-d`, `--data-urlencode` or `--json`, before files are read. */
export interface BodyPiece {
  readonly kind: 'data' | 'json';
  readonly text: string;
  /** Drop CR, LF and NUL of a file, as curl's -d does. */
  readonly strip: boolean;
  /** `@file` names a file. */
  readonly files: boolean;
  /** What stands before the text once that is encoded as a form's, such as `name=`; not encoded where there is none. */
  readonly encodedBehind?: string;
}

/**
 * Reads and joins the pieces as curl does: `&` between those of -d, nothing between those of --json.
 *
 * @returns the bytes of the body, or `undefined` without a piece
 */
export async function readPieces(
  pieces: readonly BodyPiece[],
  read: (path: string) => Promise<Buffer>,
): Promise<Buffer | undefined> {
  if (pieces.length === 0) return undefined;
  if (pieces.filter((piece) => fileOf(piece) === '-').length > 1) {
    throw usage('@- is given twice; standard input can be read once');
  }
  let body = Buffer.alloc(0);
  for (const [i, piece] of pieces.entries()) {
    const file = fileOf(piece);
    const bytes = file === undefined ? Buffer.from(piece.text) : await read(file);
    const part = partOf(piece, bytes, file !== undefined);
    const separator = i > 0 && piece.kind === 'data' ? '&' : '';
    body = Buffer.concat([body, Buffer.from(separator), part]);
  }
  return body;
}

/** The file a piece names, if it names one. */
export function fileOf({ text, files }: BodyPiece): string | undefined {
  return files && text.startsWith('@') ? text.slice(1) : undefined;
}

function partOf({ strip, encodedBehind }: BodyPiece, bytes: Buffer, isFile: boolean): Buffer {
  if (encodedBehind === undefined) return isFile && strip ? stripped(bytes) : bytes;
  if (isFile && bytes.length === 0) return bytes; // curl leaves the name out too
  return Buffer.from(encodedBehind + percentEncoded(bytes).replaceAll('%20', '+'));
}

function stripped(bytes: Buffer): Buffer {
  return bytes.filter((byte) => byte !== 0x0d && byte !== 0x0a && byte !== 0x00) as Buffer;
}
