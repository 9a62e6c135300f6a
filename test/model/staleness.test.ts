import { describe, expect, it } from "vitest";
import { isStaleAt, markStaleAt, sameValueAt } from "../../src/model/staleness.js";

function stale(): Float64Array {
  const values = new Float64Array(3);
  markStaleAt(values, 1);
  return values;
}

describe("the staleness marker", () => {
  it("has the bits 0x7ff0000000000002", () => {
    const view = new DataView(stale().buffer);
    expect(view.getBigUint64(8, true)).toBe(0x7ff0000000000002n);
  });

  it("is a NaN, and no other NaN is it", () => {
    const values = stale();
    expect(values[1]).toBeNaN();
    values[0] = Number.NaN;
    expect([0, 1, 2].map((i) => isStaleAt(values, i))).toEqual([false, true, false]);
  });

  it("survives every way in which columns are moved", () => {
    const values = stale();
    const ways: Record<string, Float64Array> = {
      slice: values.slice(),
      subarray: values.subarray(0),
      set: (() => {
        const copy = new Float64Array(3);
        copy.set(values);
        return copy;
      })(),
      copyWithin: new Float64Array(values).copyWithin(1, 1),
      bytes: new Float64Array(new Uint8Array(values.buffer).slice().buffer),
      offset: (() => {
        const bytes = new Uint8Array(8 + 24);
        bytes.set(new Uint8Array(values.buffer), 8);
        return new Float64Array(bytes.buffer, 8);
      })(),
      clone: structuredClone(values),
    };
    for (const [way, moved] of Object.entries(ways)) expect(isStaleAt(moved, 1), way).toBe(true);
  });

  it("is the same sample value only as itself", () => {
    const values = new Float64Array([1, Number.NaN, Number.NaN, 0, -0]);
    markStaleAt(values, 2);
    expect(sameValueAt(values, 1, values, 1)).toBe(true);
    expect(sameValueAt(values, 1, values, 2)).toBe(false);
    expect(sameValueAt(values, 2, values, 2)).toBe(true);
    expect(sameValueAt(values, 3, values, 4)).toBe(false);
  });
});
