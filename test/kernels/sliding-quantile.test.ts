import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rollup } from "../../src/kernels/rollup.js";
import { slidingQuantile } from "../../src/kernels/sliding-quantile.js";

const awkward = fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, 1, 1, 2, -5);
const values = fc.array(fc.oneof(awkward, fc.double(), fc.integer({ min: -3, max: 3 })), { maxLength: 300 });
const gaps = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 300, maxLength: 300 });

describe("slidingQuantile", () => {
  it("agrees with sorting every window, to the bit, however windows overlap", () => {
    const phis = fc.oneof(fc.double({ min: 0, max: 1 }), fc.constantFrom(0, 0.5, 1, -1, 2, Number.NaN));
    const stepMs = fc.integer({ min: 0, max: 400 });
    const rangeMs = fc.integer({ min: 1, max: 3000 });
    fc.assert(
      fc.property(values, gaps, phis, stepMs, rangeMs, (numbers, between, phi, stepMs, rangeMs) => {
        let time = 0;
        const column = {
          times: Float64Array.from(numbers, (_, i) => (time += between[i]!)),
          values: Float64Array.from(numbers),
        };
        const grid = { start: -50, stepMs, count: 40 };
        const [expected, actual] = [room(grid.count), room(grid.count)];
        rollup("quantile_over_time", column, { grid, rangeMs, parameter: phi }, expected);
        slidingQuantile(column, { grid, rangeMs, phi }, actual);
        expect(actual.present).toEqual(expected.present);
        for (let step = 0; step < grid.count; step++) {
          if (expected.present[step] === 1) expect(actual.values[step]).toBe(expected.values[step]);
        }
      }),
    );
  });
});

function room(steps: number) {
  return { values: new Float64Array(steps), present: new Uint8Array(steps) };
}
