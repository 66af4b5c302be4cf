import { AxiosError, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios';
import { held } from '../body.js';
import type { Exchange } from '../exchange.js';
import { RefusedError, readRefusal } from '../refused-error.js';
import { nodeStreamOf } from './streams.js';

/** A refusal with what an AxiosError has besides; the AxiosError itself is its `cause`. */
export type AxiosRefusedError = RefusedError &
  Pick<AxiosError, 'config' | 'request' | 'response'> & { readonly cause: AxiosError };

type Config = InternalAxiosRequestConfig;

const LONGEST_REFUSAL = 65_536;
const CHECKED_TYPES: readonly unknown[] = [
  ...[undefined, null, '', 'text', 'json'],
  ...['arraybuffer', 'blob', 'stream'],
];

/** @throws TypeError if the answer could not be handed out in that form once it is checked */
export function checkResponseType({ responseType }: Config): void {
  if (CHECKED_TYPES.includes(responseType)) return;
  throw new TypeError(
    `responseType: "${responseType}" cannot be had of a response that is checked`,
  );
}

/**
 * Looks at the response where the exchange wants to, and leaves its data in the form that was asked for.
 *
 * @returns true if another attempt is to be made
 * @throws ResponseFaultError if it had to be signed and cannot be believed
 */
export async function isToRepeat(
  exchange: Exchange,
  response: AxiosResponse,
  config: Config,
  requireSigned: boolean,
): Promise<boolean> {
  const { status } = response;
  const headers = fieldsOf(response);
  const most = exchange.wants({ status, get: (name) => fieldOf(headers, name) });
  if (most === undefined) return false;
  const { data } = response;
  const body = await bytesUpTo(most, response, config);
  const isRepeated = await exchange.judge({ status, headers }, body).catch((error: unknown) => {
    discard(response);
    throw error;
  });
  if (requireSigned) response.data = inForm(body as Uint8Array, data, response, config);
  else if (body !== undefined && isStream(data)) response.data = streamLike(data, body);
  return isRepeated;
}

/** The response; or throws what axios throws where its status is not wanted, a refusal as {@link RefusedError}. */
export async function settled(
  response: AxiosResponse,
  config: Config,
  signed: string,
): Promise<AxiosResponse> {
  const { status } = response;
  if (!status || !config.validateStatus || config.validateStatus(status)) return response;
  const isOurs = status >= 400 && status < 500;
  const code = isOurs ? AxiosError.ERR_BAD_REQUEST : AxiosError.ERR_BAD_RESPONSE;
  const message = `Request failed with status code ${status}`;
  const error = new AxiosError(message, code, config, response.request, response);
  const type = fieldOf(fieldsOf(response), 'content-type');
  if (!type?.startsWith('application/problem+json')) throw error;
  const refusal = readRefusal(type, await textOf(response, config));
  if (refusal === undefined) throw error;
  const refused = new RefusedError(status, refusal, signed, { cause: error });
  const hidden = { enumerable: false, configurable: true, writable: true };
  throw Object.defineProperties(refused, {
    config: { value: config, ...hidden },
    request: { value: response.request, ...hidden },
    response: { value: response, ...hidden },
  });
}

/** Value of a field of the response. */
export function locationOf(response: AxiosResponse): string | undefined {
  return fieldOf(fieldsOf(response), 'location');
}

/** Ends a response whose data nobody will read. */
export function discard({ data }: AxiosResponse): void {
  if (data instanceof ReadableStream) data.cancel().catch(() => {});
  else if (isStream(data))
    (data as unknown as NodeJS.ReadableStream).on('error', () => {}).resume();
}

/** The bytes of the response; `undefined` if there are more, or they cannot be told any longer. */
async function bytesUpTo(
  most: number,
  response: AxiosResponse,
  config: Config,
): Promise<Uint8Array | undefined> {
  const { data } = response;
  if (data === undefined || data === null) return new Uint8Array(0);
  if (isStream(data)) return inTime(held(data, most), data, response, config);
  let bytes: Uint8Array | undefined;
  if (typeof data === 'string') bytes = new TextEncoder().encode(data);
  else if (data instanceof Uint8Array) bytes = data;
  else if (data instanceof ArrayBuffer) bytes = new Uint8Array(data);
  else if (data instanceof Blob) bytes = new Uint8Array(await data.arrayBuffer());
  return bytes !== undefined && bytes.length <= most ? bytes : undefined;
}

/** Axios hands a stream out as soon as it begins and times it no further. */
async function inTime(
  reading: Promise<Uint8Array>,
  data: object & { destroy?(): void },
  { request }: AxiosResponse,
  config: Config,
): Promise<Uint8Array | undefined> {
  const { timeout = 0, timeoutErrorMessage, transitional } = config;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    if (!(timeout > 0)) return;
    timer = setTimeout(() => {
      const message = timeoutErrorMessage ?? `timeout of ${timeout}ms exceeded`;
      const clear = transitional?.clarifyTimeoutError === true;
      const code = clear ? AxiosError.ETIMEDOUT : AxiosError.ECONNABORTED;
      reject(new AxiosError(message, code, config, request));
      data.destroy?.();
    }, timeout);
  });
  try {
    return await Promise.race([reading, tooLate]);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error instanceof AxiosError || (error as Error).name === 'CanceledError'
      ? error
      : AxiosError.from(error as Error, undefined, config, request);
  } finally {
    clearTimeout(timer);
    reading.catch(() => {});
  }
}

/** What the adapter would have made of the bytes. */
function inForm(
  bytes: Uint8Array,
  stream: unknown,
  response: AxiosResponse,
  { responseType, responseEncoding }: Config,
): unknown {
  const isNode = !(stream instanceof ReadableStream) && typeof Buffer !== 'undefined';
  if (responseType === 'stream') return streamLike(stream, bytes);
  if (responseType === 'arraybuffer') {
    return isNode ? Buffer.from(bytes) : bytes.buffer;
  }
  if (responseType === 'blob') {
    const type = fieldOf(fieldsOf(response), 'content-type') ?? '';
    return new Blob([bytes as Uint8Array<ArrayBuffer>], { type });
  }
  return isNode && responseEncoding && !/^utf-?8$/i.test(responseEncoding)
    ? Buffer.from(bytes).toString(responseEncoding as BufferEncoding)
    : new TextDecoder().decode(bytes);
}

async function textOf(response: AxiosResponse, config: Config): Promise<string> {
  const { data } = response;
  const bytes = await bytesUpTo(LONGEST_REFUSAL, response, config);
  if (bytes === undefined) return '';
  if (isStream(data)) response.data = streamLike(data, bytes);
  return new TextDecoder().decode(bytes);
}

function streamLike(stream: unknown, bytes: Uint8Array): unknown {
  return stream instanceof ReadableStream
    ? new Blob([bytes as Uint8Array<ArrayBuffer>]).stream()
    : nodeStreamOf([bytes]);
}

function isStream(data: unknown): data is AsyncIterable<Uint8Array> | ReadableStream<Uint8Array> {
  if (typeof data !== 'object' || data === null) return false;
  return data instanceof ReadableStream || Symbol.asyncIterator in data;
}

/** As on the wire, where the adapter is that of Node: axios keeps one of what is there twice. */
function fieldsOf({ request, headers }: AxiosResponse): readonly string[] {
  const raw: unknown = request?.res?.rawHeaders;
  if (Array.isArray(raw)) return raw;
  return Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().flatMap((text) => (text == null ? [] : [name, String(text)])),
  );
}

function fieldOf(fields: readonly string[], name: string): string | undefined {
  const values = fields.filter((_, i) => i % 2 === 1 && fields[i - 1]?.toLowerCase() === name);
  return values.length === 0 ? undefined : values.join(', ');
}
