import {
  type Algorithm,
  formatAuthorization,
  leadsOf,
  MAX_SIGNED_HEADERS,
  PROTOCOL_FIELDS,
  SINGLE_FIELDS,
} from '@countersign/core';

/** What {@link SignedNames.placeOf} says of a field that only the signer sets. */
export const OWN = -1;

const OWN_FIELDS = ['authorization', 'date', 'x-date', 'x-nonce', 'content-digest'];

/** What is signed of requests that have the same fields, as far as it is the same for all of them. */
export interface SigningPlan {
  /** Names, ascending. */
  readonly signedHeaders: readonly string[];
  /** Where their values stand. */
  readonly places: readonly number[];
  /** What is signed between the value before and this one. */
  readonly leads: readonly string[];
  /** The Authorization field up to the signature. */
  readonly authorization: string;
}

interface SignerName {
  readonly algorithm: Algorithm;
  readonly credential: string;
}

/** The names that a signer may sign. The values of a request stand in a list, each at the place of its name. */
export class SignedNames {
  /** Places of what the signer itself gives. */
  readonly at: Readonly<Record<'host' | 'date' | 'nonce' | 'digest' | 'type', number>>;
  /** How many names may be signed. Places from there on are of what a verifier reads without its being signed. */
  readonly size: number;
  readonly #names: readonly string[];
  readonly #signer: SignerName;
  readonly #required: readonly string[];
  readonly #places: ReadonlyMap<string, number>;
  readonly #plans = new Map<number, SigningPlan>();

  /**
   * @param signer - whose Authorization fields these are
   * @param required - lower-case names that every request must have, beside those of the protocol
   * @param date - the field that has the time
   */
  constructor(signer: SignerName, required: readonly string[], date: 'date' | 'x-date') {
    this.#signer = signer;
    this.#required = required;
    this.#names = [...new Set([...PROTOCOL_FIELDS, ...required])].sort();
    this.size = this.#names.length;
    const places = new Map<string, number>();
    for (const name of [...this.#names, ...SINGLE_FIELDS]) {
      if (!places.has(name)) places.set(name, places.size);
    }
    const placeOf = (name: string) => places.get(name) as number;
    this.at = {
      host: placeOf('host'),
      date: placeOf(date),
      nonce: placeOf('x-nonce'),
      digest: placeOf('content-digest'),
      type: placeOf('content-type'),
    };
    for (const name of OWN_FIELDS) places.set(name, OWN);
    // As they are mostly written: to write a name in lower case costs more than to look it up.
    for (const [name, place] of [...places]) places.set(inTitleCase(name), place);
    this.#places = places;
  }

  /** Where the value goes that a caller gives under this name; `undefined` if the verifier does not read it. */
  placeOf(name: string): number | undefined {
    return this.#places.get(name) ?? this.#places.get(name.toLowerCase());
  }

  /**
   * What is signed of these values: those of the protocol that are present, and all that the options ask for. There are
   * few plans, since few fields may be absent; to have them saves a fifth of signing.
   *
   * @throws TypeError if one is missing, or there are too many
   */
  planOf(values: readonly (string | undefined)[]): SigningPlan {
    let present = 0; // a number has 53 bits; there are ten names, and at most 32 more
    for (let place = 0, weight = 1; place < this.size; place++, weight *= 2) {
      if (values[place] !== undefined) present += weight;
    }
    let plan = this.#plans.get(present);
    if (plan === undefined) {
      plan = this.#makePlan(values);
      this.#plans.set(present, plan);
    }
    return plan;
  }

  #makePlan(values: readonly (string | undefined)[]): SigningPlan {
    const places = [...this.#names.keys()].filter((place) => values[place] !== undefined);
    const names = places.map((place) => this.#names[place] as string);
    const missing = this.#required.find((name) => !names.includes(name));
    if (missing !== undefined) {
      throw new TypeError(`headers: ${missing} is to be signed and is not given`);
    }
    if (names.length > MAX_SIGNED_HEADERS) {
      throw new TypeError(`headers: more than ${MAX_SIGNED_HEADERS} would have to be signed`);
    }
    const leads = leadsOf(names);
    const parts = { ...this.#signer, signedHeaders: names, signature: '' };
    return { signedHeaders: names, places, leads, authorization: formatAuthorization(parts) };
  }
}

function inTitleCase(name: string): string {
  return name.replace(/(?:^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
