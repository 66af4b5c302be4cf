import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Refusal } from '@countersign/core';
import type { BodyLimits, BodySource, BodyWatch } from '@countersign/server';

/** Where bodies wait until they are verified. */
export interface SpoolOptions {
  /** Bytes up to which a body is held in memory. */
  readonly memoryBytes: number;
  /** For what is longer. */
  readonly directory: string;
}

export const SPOOL: SpoolOptions = { memoryBytes: 1024 * 1024, directory: tmpdir() };

// Bytes that are gathered for one write.
const BATCH = 256 * 1024;
const LATE = Symbol('late');

/**
 * A body that is kept, in memory or in a file without a name, until it is verified. The file is unlinked as soon as it is
 * open, so nothing of it outlives the process.
 */
export class SpooledBody implements BodySource {
  readonly #source: Readable;
  readonly #options: SpoolOptions;
  #pieces: Uint8Array[] = [];
  #held = 0;
  #size = 0;
  #isLate = false;
  #wake = () => {};
  #file: FileHandle | undefined;

  constructor(source: Readable, options: SpoolOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** Bytes that have been kept. */
  get size(): number {
    return this.#size;
  }

  /** All of it, where it is in memory. */
  get bytes(): Buffer | undefined {
    return this.#file === undefined ? Buffer.concat(this.#pieces) : undefined;
  }

  read(): Refusal {
    return new Refusal('body_unavailable', 'The body is not read into memory.');
  }

  async drain(watch: BodyWatch, { timeout }: BodyLimits): Promise<Refusal | undefined> {
    const timer = setTimeout(() => {
      this.#isLate = true;
      this.#wake();
    }, timeout);
    const refusal = await this.#keepAll(watch, timeout).catch(
      (cause) => new Refusal('body_unavailable', 'The body could not be kept.', { cause }),
    );
    clearTimeout(timer);
    if (refusal !== undefined) await this.discard();
    return refusal;
  }

  /** Reads what was kept, from its beginning; may be called again. */
  stream(): Readable {
    return this.#file === undefined
      ? Readable.from(this.#pieces)
      : createReadStream('', { fd: this.#file, start: 0, autoClose: false });
  }

  /** Lets go of it. What is being read of it then ends with an error. */
  async discard(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#pieces = [];
    await file?.close().catch(() => {});
  }

  /** The next piece, or that it is late. A race with one promise for all would hold every piece until the end. */
  #next(pieces: NodeJS.AsyncIterator<Buffer>): Promise<IteratorResult<Buffer> | typeof LATE> {
    if (this.#isLate) return Promise.resolve(LATE);
    return new Promise((resolve, reject) => {
      this.#wake = () => resolve(LATE);
      pieces.next().then(resolve, reject);
    });
  }

  async #keepAll(watch: BodyWatch, timeout: number): Promise<Refusal | undefined> {
    // A request that is refused is still to be answered, on its connection.
    const pieces = this.#source.iterator({ destroyOnReturn: false });
    for (;;) {
      let next: IteratorResult<Buffer> | typeof LATE;
      try {
        next = await this.#next(pieces);
      } catch {
        const what = 'The connection ended before the body did.';
        return watch.refuse(new Refusal('body_incomplete', what));
      }
      if (next === LATE) {
        const what = `The body did not arrive within ${timeout} ms.`;
        return watch.refuse(new Refusal('body_timeout', what));
      }
      if (next.done) break;
      const seen = watch.take(next.value);
      if (seen instanceof Refusal) return seen;
      await this.#keep(next.value);
    }
    const last = watch.end();
    if (last instanceof Refusal) return last;
    if (this.#file !== undefined) await this.#write();
    return undefined;
  }

  async #keep(piece: Uint8Array): Promise<void> {
    this.#pieces.push(piece);
    this.#held += piece.length;
    this.#size += piece.length;
    const most = this.#file === undefined ? this.#options.memoryBytes : BATCH;
    if (this.#held > most) await this.#write();
  }

  async #write(): Promise<void> {
    this.#file ??= await openNameless(this.#options.directory);
    if (this.#pieces.length > 0) {
      const { bytesWritten } = await this.#file.writev(this.#pieces);
      // That a disk has become full on the way is told by nothing else.
      if (bytesWritten !== this.#held) throw new Error('kept in part');
    }
    this.#pieces = [];
    this.#held = 0;
  }
}

async function openNameless(directory: string): Promise<FileHandle> {
  const path = join(directory, `countersign-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  await rm(path);
  return file;
}
