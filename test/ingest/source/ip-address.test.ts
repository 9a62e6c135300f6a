import { describe, expect, it } from "vitest";
import { AddressRange, isLoopback } from "../../../src/ingest/source/ip-address.js";

describe("AddressRange", () => {
  it.each([
    ["10.0.0.0/8", "10.1.2.3", true],
    ["10.0.0.0/8", "11.1.2.3", false],
    ["10.0.0.0/8", "::ffff:10.1.2.3", true],
    ["192.168.1.7", "192.168.1.7", true],
    ["192.168.1.7", "192.168.1.8", false],
    ["0.0.0.0/0", "8.8.8.8", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["fd00::/8", "fd12::1", true],
    ["fe80::/10", "fe80::1%eth0", true],
    ["fd00::/8", "10.0.0.1", false],
    ["10.0.0.0/8", "", false],
    ["10.0.0.0/8", "no address", false],
  ])("%s has %s: %s", (range, address, expected) => {
    expect(new AddressRange(range).contains(address)).toBe(expected);
  });

  it.each(["", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "10.0.0.0/8/8", "10.0.0.0/x", "host"])(
    "refuses %j",
    (text) => {
      expect(() => new AddressRange(text)).toThrow("is no address and no range");
    },
  );
});

describe("isLoopback", () => {
  it.each([
    ["127.0.0.1", true],
    ["127.9.9.9", true],
    ["::1", true],
    ["::ffff:127.0.0.1", true],
    ["192.168.1.1", false],
    ["::2", false],
  ])("%s: %s", (address, expected) => {
    expect(isLoopback(address)).toBe(expected);
  });
});
