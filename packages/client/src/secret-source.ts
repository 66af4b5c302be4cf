import { Secret } from '@countersign/core';

/** `csk_…`, at least 32 bytes, or a secret made of them. */
export type SecretValue = string | Uint8Array | Secret;

/** Gives the present secret: from a file, the environment or a vault. Asked by `ready` and `reload`, never by `sign`. */
export type SecretProvider = () => SecretValue | Promise<SecretValue>;

/** The secret in use, and where the next one comes from. */
export class SecretSource {
  readonly #provider: SecretProvider | undefined;
  #current: Secret | undefined;
  #loading: Promise<void> | undefined;

  constructor(value: SecretValue | SecretProvider) {
    if (typeof value === 'function') this.#provider = value;
    else this.#current = Secret.from(value);
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
  async reload(used = this.#current): Promise<boolean> {
    const isAnother = () => used?.expose() !== this.#current?.expose();
    if (!isAnother()) {
      this.#loading ??= this.#load().finally(() => {
        this.#loading = undefined;
      });
      await this.#loading;
    }
    return isAnother();
  }

  async #load(): Promise<void> {
    if (this.#provider !== undefined) this.#current = Secret.from(await this.#provider());
  }
}
