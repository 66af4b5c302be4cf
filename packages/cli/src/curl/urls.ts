import { usage } from '../exit.js';
import { percentEncoded } from '../percent-encoding.js';

/** What of a URL is sent. */
export function withoutFragment(url: string): string {
  return url.split('#', 1)[0] as string;
}

/** Appends to the query as curl -G does: nothing is encoded. */
export function withQuery(url: string, data: Buffer): string {
  const base = withoutFragment(url);
  const separator = !base.includes('?') ? '?' : /[?&]$/.test(base) ? '' : '&';
  return `${base}${separator}${data.toString('latin1')}`;
}

/** Where -T sends a file: as curl does it, its name is appended to a path that ends in `/`. */
export function uploadUrl(url: string, file: string): string {
  const base = withoutFragment(url);
  const [path = ''] = base.split('?', 1);
  const isWhole = /^[^/]*\/\/[^/]+\/(?:.*[^/])$/s.test(path);
  if (file === '-' || isWhole) return base;
  if (path !== base) {
    throw usage(
      '-T with a query and a path that ends in "/": some versions of curl append the name of the file, others do not; give the whole path',
    );
  }
  const name = file.slice(Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\')) + 1);
  return `${path}${path.endsWith('/') ? '' : '/'}${percentEncoded(Buffer.from(name))}`;
}
