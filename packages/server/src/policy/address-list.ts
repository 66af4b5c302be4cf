import { BlockList, isIP } from 'node:net';

const CIDR = /^([0-9A-Fa-f:.]+)(?:\/([0-9]{1,3}))?$/;
const MAPPED = new BlockList();
MAPPED.addSubnet('::ffff:0:0', 96, 'ipv6');

/** Addresses and CIDR blocks. IPv4 in IPv6 notation is IPv4, here and in what is looked up: `::/0` is all of IPv6 and no IPv4. */
export class AddressList {
  // Node takes an IPv4 address for one of IPv6 where a list has both.
  readonly #ipv4 = new BlockList();
  readonly #ipv6 = new BlockList();

  readonly #written: string[] = [];

  /** @returns false if it is neither an address nor a CIDR block */
  add(cidr: string): boolean {
    const [, address = '', bits] = CIDR.exec(cidr) ?? [];
    const family = isIP(address);
    if (family === 0) return false;
    const width = family === 4 ? 32 : 128;
    const length = bits === undefined ? width : Number(bits);
    if (length > width) return false;
    this.#written.push(cidr);
    if (family === 4) this.#ipv4.addSubnet(address, length, 'ipv4');
    else if (length < 96 || !MAPPED.check(address, 'ipv6')) {
      this.#ipv6.addSubnet(address, length, 'ipv6');
    } else {
      // A block of IPv4 addresses, which Node also finds IPv4 addresses in.
      this.#ipv4.addSubnet(address, length, 'ipv6');
    }
    return true;
  }

  /** True for an address in the list, however it is written; false for what is none. */
  has(address: string): boolean {
    const family = isIP(address);
    if (family === 0) return false;
    if (family === 4) return this.#ipv4.check(address, 'ipv4');
    return MAPPED.check(address, 'ipv6')
      ? this.#ipv4.check(address, 'ipv6')
      : this.#ipv6.check(address, 'ipv6');
  }

  /** As it was written. */
  toJSON(): readonly string[] {
    return this.#written;
  }
}
