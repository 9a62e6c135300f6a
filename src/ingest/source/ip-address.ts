/**
 * IP addresses and ranges of them: IPv4, IPv6, and IPv4 as IPv6 writes it (`::ffff:10.0.0.1`), which is the same.
 */

import { BlockList, isIPv4, isIPv6 } from "node:net";
import { InvalidArgumentError } from "../../model/errors.js";

/** Whether an address is in the range, written as `10.0.0.0/8`, `fd00::/8` or as one address. */
export class AddressRange {
  readonly text: string;
  readonly #list = new BlockList();

  /** Throws InvalidArgumentError. */
  constructor(text: string) {
    this.text = text;
    const [address = "", prefix, ...rest] = text.split("/");
    const family = isIPv4(address) ? "ipv4" : isIPv6(address) ? "ipv6" : undefined;
    const bitsMax = family === "ipv4" ? 32 : 128;
    const bits = prefix === undefined ? bitsMax : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
    if (family === undefined || rest.length > 0 || bits < 0 || bits > bitsMax)
      throw new InvalidArgumentError(`${JSON.stringify(text)} is no address and no range such as 10.0.0.0/8`);
    this.#list.addSubnet(address, bits, family);
  }

  contains(address: string): boolean {
    const plain = withoutZone(unmapped(address));
    if (isIPv4(plain)) return this.#list.check(plain, "ipv4");
    return isIPv6(plain) && this.#list.check(plain, "ipv6");
  }
}

const loopback = [new AddressRange("127.0.0.0/8"), new AddressRange("::1")];

/** Whether the address is of this machine. */
export function isLoopback(address: string): boolean {
  // Asked for each push; a look at a BlockList makes objects outside of the heap.
  if (address === "127.0.0.1" || address === "::1") return true;
  return loopback.some((range) => range.contains(address));
}

function unmapped(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

/** `fe80::1%eth0` is `fe80::1` of one network card. */
function withoutZone(address: string): string {
  return address.split("%", 1)[0]!;
}
