import { readFileSync } from 'node:fs';

function read(file: string) {
  return JSON.parse(
    readFileSync(new URL(`../../../test-vectors/${file}`, import.meta.url), 'utf8'),
  );
}

/** One of the shared unit files: a list of cases for one function. */
export function units<T>(file: string): readonly (T & { readonly name: string })[] {
  return read(file).units;
}

/** A request as a vector shows it. */
export interface RequestVector {
  readonly name: string;
  readonly request: {
    readonly method: string;
    readonly target: string;
    readonly headers: readonly (readonly [name: string, value: string])[];
  };
  readonly verifier?: {
    readonly presigned?: boolean;
    readonly now?: string;
    readonly skew?: number;
  };
}

/** The requests of a file that a verifier reads as presigned URLs, and the file's defaults. */
export function presignedVectors<T>(file: 'accepted.json' | 'refused.json') {
  const { vectors, defaults } = read(file) as {
    readonly vectors: readonly (RequestVector & T)[];
    readonly defaults: { readonly now: string; readonly skew: number };
  };
  return vectors
    .filter(
      ({ verifier, request }) =>
        verifier?.presigned && /X(?:-|%2D)Hmac|%58-Hmac/.test(request.target),
    )
    .map((vector) => ({ ...vector, conditions: { ...defaults, ...vector.verifier } }));
}

/** A response as a vector shows it. */
export interface ResponseVector {
  readonly name: string;
  readonly credential: string;
  readonly secretId: string | null;
  readonly requestSignature: string;
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
  readonly bodyBase64?: string;
}

/** The vectors for signed responses, by what must come of them. */
export function responseVectors<A, R>() {
  return read('responses.json') as {
    readonly accepted: readonly (ResponseVector & A)[];
    readonly refused: readonly (ResponseVector & R)[];
  };
}

interface KeyOfFile {
  readonly credential: string;
  readonly algorithm?: 'HMAC-256' | 'HMAC-512';
  readonly secrets: readonly { readonly id?: string; readonly secret: string }[];
}

/** Algorithm and secret of the key file that goes with the vectors. */
export function keyOf(credential: string, secretId: string | null) {
  const keys: readonly KeyOfFile[] = read('keys.json').keys;
  const key = keys.find((each) => each.credential === credential);
  const secret = key?.secrets.find(({ id }) => (id ?? null) === secretId)?.secret;
  if (secret === undefined) throw new Error(`keys.json has no ${secretId} of ${credential}`);
  return { algorithm: key?.algorithm ?? ('HMAC-256' as const), secret };
}
