import {
  createSigner,
  parseRequestUrl,
  type Signer,
  type SignerOptions,
} from '@countersign/client';
import { credentialsOf } from './credentials.js';
import { asUsage } from './exit.js';
import type { SigningOptions } from './options.js';
import { checkOrigin } from './origins.js';

/** Who signs a request to one URL. */
export interface UrlSigner {
  readonly signer: Signer;
  /** Environment variables that hold a secret, for no other program to see. */
  readonly variables: readonly string[];
}

/**
 * The signer that options, environment and profiles make.
 *
 * @param url - where the request will go; refused if the profile has origins and this is of another
 */
export async function signerFor(
  url: string,
  options: SigningOptions,
  more: Pick<SignerOptions, 'now' | 'nonce'> = {},
): Promise<UrlSigner> {
  const { credential, algorithm, secret, profile, variables } = await credentialsOf(
    options,
    process.env,
  );
  if (profile !== undefined)
    checkOrigin(
      asUsage(() => parseRequestUrl(url)),
      profile,
    );
  const { signedHeader: signedHeaders = [] } = options;
  const signer = asUsage(
    () => createSigner({ credential, algorithm, secret, signedHeaders, ...more }),
    (message) => message.replace(/^signedHeaders\[[0-9]+\]:/, '--signed-header:'),
  );
  return { signer, variables };
}
