import { describe, expect, it } from "vitest";
import { KnownSeries } from "../../../src/ingest/remote-write/known-series.js";
import type { RemoteWriteKernel } from "../../../src/kernels/remote-write-kernel.js";

const MiB = 1024 * 1024;

function knownWith(tableSizeBytes: number): { known: KnownSeries; table: { tableSizeBytes: number } } {
  const table = { tableSizeBytes };
  return { known: new KnownSeries(table as RemoteWriteKernel), table };
}

describe("KnownSeries", () => {
  it("gives each origin a number and a list of its own, and the same again", () => {
    const { known } = knownWith(0);
    const [a, b] = [{ name: "same" }, { name: "same" }];
    expect(known.of(a)).toBe(known.of(a));
    expect(known.of(a).owner).not.toBe(known.of(b).owner);
  });

  it("is worn when most of a large table is of origins that are gone", () => {
    const { known, table } = knownWith(20 * MiB);
    const living = { name: "living" };
    known.of(living).share.sizeBytes = 14 * MiB;
    expect(known.isWorn).toBe(false);
    // What is not of the living is of others, however many there were.
    table.tableSizeBytes = 33 * MiB;
    expect(known.isWorn).toBe(true);
    expect(known.of(living).share.sizeBytes).toBe(14 * MiB);
  });

  it("is not worn while most of it is of living origins, and in any case when it is very large", () => {
    const { known, table } = knownWith(100 * MiB);
    known.of({ name: "gone, perhaps" });
    const living = { name: "living" };
    const { share } = known.of(living);
    share.sizeBytes = 90 * MiB;
    expect(known.isWorn).toBe(false);
    table.tableSizeBytes = 1100 * MiB;
    share.sizeBytes = 1090 * MiB;
    expect(known.isWorn).toBe(true);
    expect(known.of(living).share).toBe(share);
  });
});
