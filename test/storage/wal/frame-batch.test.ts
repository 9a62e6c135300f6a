import { describe, expect, it } from "vitest";
import { FrameBatch } from "../../../src/storage/wal/frame-batch.js";

const mebibyte = 1024 * 1024;

/** Its capacity once it has written a batch of each of the sizes. */
function capacityAfter(...sizes: number[]): number {
  const batch = new FrameBatch();
  for (const size of sizes) {
    batch.addRecord(new Uint8Array(size));
    batch.clear();
  }
  return batch.capacityBytes;
}

describe("a batch's buffer", () => {
  it("is kept from write to write", () => {
    expect(capacityAfter(8 * mebibyte)).toBeGreaterThan(8 * mebibyte);
    expect(capacityAfter(8 * mebibyte, mebibyte)).toBeGreaterThan(8 * mebibyte);
  });

  it("is given up when little of a large one is filled", () => {
    expect(capacityAfter(8 * mebibyte, 1000)).toBeLessThan(mebibyte);
  });

  it("is kept as long as it is small", () => {
    expect(capacityAfter(mebibyte / 2, 1000)).toBeGreaterThan(mebibyte / 2);
  });
});
