import type { RequestUrl } from '@countersign/client';
import { asUsage, usage } from './exit.js';
import type { NamedProfile } from './profile/profile.js';

/** An origin in its one spelling; `undefined` for any other text. */
export function originOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isOrigin =
    url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
  return isOrigin ? url.origin : undefined;
}

/** Throws unless the profile is for this place. A profile without origins is for every one. */
export function checkOrigin(
  { protocol, host }: RequestUrl,
  { name, profile: { origins } }: NamedProfile,
): void {
  if (origins.length === 0) return;
  // Of scheme and host alone, since the rest of the text is sent as it stands.
  const { origin } = asUsage(
    () => new URL(`${protocol}//${host}`),
    () => `url: "${host}" is no host`,
  );
  if (origins.includes(origin)) return;
  throw usage(
    `${origin} is not among the origins of the profile "${name}" (${origins.join(', ')}), so nothing was signed or sent`,
  );
}
