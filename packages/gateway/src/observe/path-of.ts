// Whatever stands before the host of an absolute-form target may be a password (RFC 3986 §3.2.1).
const USER = /^((?:[a-z][a-z\d+.-]*:)?[/\\]{2})[^/\\]*@/i;

/** A target as it may be written down: without its query, and without a user's name and password. */
export function pathOf(target: string): string {
  return target.replace(USER, '$1').split('?', 1)[0] as string;
}
