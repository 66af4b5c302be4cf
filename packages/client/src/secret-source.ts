import { Secret } from '@countersign/core';

/** `csk_…`, at least 32 bytes, or a secret made of them. */
export type SecretValue = string | Uint8Array | Secret;

/** Gives the present secret: from a file, the environment or a vault. Asked by `ready` and `reload`, never by `sign`. */
export type SecretProvider = () => SecretValue | Promise<SecretValue>;

/** The secret in use, and where the next one comes from. */
export class SecretSource {
  readonly #provider: SecretProvider | undefined;
  #current: Secret | undefined;
  #loading: Promise<boolean> | undefined;

  constructor(value: SecretValue | SecretProvider) {
    if (typeof value === 'function') this.#provider = value;
    else this.#current = Secret.from(value);
  }

  /** True if another secret may come. */
  get canChange(): boolean {
    return this.#provider !== undefined;
  }

  /** @throws TypeError if nothing is loaded yet */
  get current(): Secret {
    if (this.#current === undefined) {
      throw new TypeError('secret: not loaded yet; await signer.ready() before the first request');
    }
    return this.#current;
  }

  /** Loads it where that was not done; rejects with what the provider rejects with. */
  async ready(): Promise<void> {
    if (this.#current === undefined) await this.reload();
  }

  /**
   * Asks the provider, once for all who wait. True if the secret is another one than before.
   *
   * @param used - what it must differ from, the present one unless said otherwise; nobody is asked where it does already
   */
  async reload(used?: Secret): Promise<boolean> {
    if (used !== undefined && used.expose() !== this.#current?.expose()) return true;
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #load(): Promise<boolean> {
    if (this.#provider === undefined) return false;
    const loaded = Secret.from(await this.#provider());
    if (this.#current?.expose() === loaded.expose()) return false;
    this.#current = loaded;
    return true;
  }
}
