import { describe, expect, it } from "vitest";
import { grown } from "../../../src/storage/head/columns.js";

describe("grown", () => {
  it("keeps a column that is long enough", () => {
    const column = new Uint32Array(10);
    expect(grown(column, 10)).toBe(column);
  });

  it("grows small ones by half, with zeros behind what they had", () => {
    const column = grown(Float64Array.of(1, 2, 3, 4), 5);
    expect([...column]).toEqual([1, 2, 3, 4, 0, 0]);
    expect(grown(new Uint8Array(0), 7)).toHaveLength(7);
  });

  it("gives those that are not small room for long", () => {
    const column = grown(new Uint32Array(200_000).fill(7), 200_001);
    expect(column.byteLength).toBeGreaterThan(32 * 1024 * 1024);
    expect([column[0], column[199_999], column[200_000], column.at(-1)]).toEqual([7, 7, 0, 0]);
    expect(grown(column, 1_000_000)).toBe(column);
  });
});
