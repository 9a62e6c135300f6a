import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ColumnKernel, columnKernel, type StepGrid } from "../../src/kernels/column-kernel.js";
import { ReferenceColumnKernel } from "../../src/kernels/reference-column-kernel.js";
import { WasmColumnKernel } from "../../src/kernels/wasm-column-kernel.js";
import { windowFunctions } from "../../src/kernels/window-functions.js";
import { encodeXor } from "../../src/kernels/xor.js";
import { TsdbError } from "../../src/model/errors.js";
import type { SampleColumns } from "../../src/model/sample.js";
import { isStaleAt } from "../../src/model/staleness.js";
import { anyColumns, bitsOf, columnsOf, corrupted, increasingColumns, valueFromBits } from "./arbitraries.js";

const kernels: readonly [string, () => ColumnKernel][] = [
  ["WebAssembly", columnKernel],
  ["TypeScript", () => new ReferenceColumnKernel()],
];
const everything = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;
const functionNames = Object.keys(windowFunctions) as (keyof typeof windowFunctions)[];

/** What a call gave, or the kind and text of its error. */
function outcome<Result>(call: () => Result): Result | string {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof TsdbError)) throw error;
    return `${error.name}: ${error.message}`;
  }
}

function contentOf(kernel: ColumnKernel) {
  return { length: kernel.length, times: [...kernel.times()], values: bitsOf(kernel.values()) };
}

/** The steps' results: undefined where absent. NaN is NaN, whatever its bits. */
function stepsOf(
  grid: StepGrid,
  call: (values: Float64Array, present: Uint8Array) => number,
): (number | undefined)[] {
  const values = new Float64Array(grid.count);
  const present = new Uint8Array(grid.count).fill(7);
  const presentCount = call(values, present);
  const steps = [...values].map((value, i) => (present[i] === 1 ? value : undefined));
  expect(steps.filter((value) => value !== undefined)).toHaveLength(presentCount);
  expect(present.every((flag) => flag <= 1)).toBe(true);
  return steps;
}

const grids: fc.Arbitrary<StepGrid> = fc.record({
  start: fc.integer({ min: -50_000, max: 400_000 }),
  stepMs: fc.constantFrom(0, 1, 1000, 15_000, 60_000),
  count: fc.nat(40),
});

it("columnKernel is the WebAssembly one where there is WebAssembly", () => {
  expect(columnKernel()).toBeInstanceOf(WasmColumnKernel);
});

describe.each(kernels)("a column kernel in %s", (_, make) => {
  it("decodes chunks behind one another", () => {
    const kernel = make();
    const first = columnsOf([10, 20], [1, 2]);
    const second = columnsOf([30], [3]);
    expect(kernel.decodeXor(encodeXor(first), 2, ...everything, true)).toBe(2);
    expect(kernel.decodeXor(encodeXor(second), 1, ...everything, true)).toBe(3);
    expect([...kernel.times()]).toEqual([10, 20, 30]);
    expect([...kernel.values()]).toEqual([1, 2, 3]);
    kernel.clear();
    expect(kernel.length).toBe(0);
    expect(kernel.times()).toHaveLength(0);
  });

  it("keeps the times within bounds, both inclusive, and leaves staleness markers out when told so", () => {
    const columns = columnsOf([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]);
    valueFromBits(columns.values, 2, 0x7ff0000000000002n);
    valueFromBits(columns.values, 3, 0x7ff0000000000003n);
    const bytes = encodeXor(columns);
    const kernel = make();
    kernel.decodeXor(bytes, 5, 2, 4, true);
    expect([...kernel.times()]).toEqual([2, 4]);
    expect(bitsOf(kernel.values())[1]).toBe(0x7ff0000000000003n);
    kernel.clear();
    kernel.decodeXor(bytes, 5, 2, 4, false);
    expect([...kernel.times()]).toEqual([2, 3, 4]);
    expect(isStaleAt(kernel.values(), 1)).toBe(true);
  });

  it("gives back every bit, from chunks and from columns", () => {
    const kernel = make();
    fc.assert(
      fc.property(anyColumns(), (columns) => {
        const expected = {
          length: columns.length,
          times: [...columns.times],
          values: bitsOf(columns.values),
        };
        kernel.clear();
        kernel.decodeXor(encodeXor(columns), columns.length, ...everything, false);
        expect(contentOf(kernel)).toEqual(expected);
        kernel.clear();
        kernel.append(columns);
        expect(contentOf(kernel)).toEqual(expected);
      }),
    );
  });

  it("is as it was after a broken chunk", () => {
    const kernel = make();
    kernel.append(columnsOf([1, 2], [3, 4]));
    const bytes = encodeXor(columnsOf([5, 6, 7], [1, 2.5, 0.1]));
    expect(() => kernel.decodeXor(bytes.subarray(0, -1), 3, ...everything, true)).toThrow("ends before");
    expect(() => kernel.decodeXor(bytes, 70_000, ...everything, true)).toThrow("70000 samples");
    expect(contentOf(kernel)).toEqual({ length: 2, times: [1, 2], values: bitsOf(Float64Array.of(3, 4)) });
  });

  it("grows, keeps what it has, and can be used again and again", () => {
    const kernel = make();
    const length = 60_000;
    const times = Float64Array.from({ length }, (_, i) => i * 1000);
    const columns = { times, values: times.map(Math.sqrt), length };
    const bytes = encodeXor(columns);
    for (let round = 0; round < 3; round++) {
      kernel.clear();
      kernel.append(columnsOf([-2, -1], [7, 8]));
      kernel.decodeXor(bytes, length, ...everything, true);
      expect(kernel.length).toBe(length + 2);
      expect(bitsOf(kernel.values())).toEqual([...bitsOf(Float64Array.of(7, 8)), ...bitsOf(columns.values)]);
      const grid = { start: 0, stepMs: 500, count: 100_000 };
      const steps = stepsOf(grid, (values, present) => kernel.lastBefore(grid, 1, values, present));
      expect(steps.slice(0, 3)).toEqual([0, undefined, Math.sqrt(1000)]);
      expect(kernel.times()[length + 1]).toBe((length - 1) * 1000);
    }
  });
});

it("the WebAssembly kernel keeps its memory between uses, but not what one long series needed", () => {
  const kernel = columnKernel();
  const memorySizeBytes = () => kernel.times().buffer.byteLength;
  const use = (length: number) => {
    kernel.append({ times: new Float64Array(length), values: new Float64Array(length), length });
    const inUse = memorySizeBytes();
    kernel.clear();
    return inUse;
  };
  const small = use(100_000);
  for (let round = 0; round < 20; round++) expect(use(100_000)).toBe(small);
  expect(memorySizeBytes()).toBe(small);
  expect(use(5_000_000)).toBeGreaterThan(80_000_000);
  expect(memorySizeBytes()).toBeLessThan(small);
});

it.each(kernels)("a column in %s has a longest length", (_, make) => {
  const kernel = make();
  const endless = { times: new Float64Array(0), values: new Float64Array(0), length: 2 ** 27 + 1 };
  Object.defineProperty(endless.times, "length", { value: endless.length });
  expect(() => kernel.append(endless)).toThrow("more than 134217728 samples");
});

describe("both column kernels", () => {
  const wasm = columnKernel();
  const reference = new ReferenceColumnKernel();

  function load(columns: SampleColumns): void {
    for (const kernel of [wasm, reference]) {
      kernel.clear();
      kernel.append(columns);
    }
  }

  it("decode, cut or refuse the same chunks, with the same error", () => {
    fc.assert(
      fc.property(
        corrupted(),
        fc.nat(80),
        fc.boolean(),
        fc.option(fc.integer(), { nil: -(2 ** 60) }),
        (bytes, count, dropStale, minTime) => {
          const outcomes = [wasm, reference].map((kernel) => {
            kernel.clear();
            kernel.append(columnsOf([1], [2]));
            return outcome(() => kernel.decodeXor(bytes, count, minTime, 2 ** 51, dropStale));
          });
          expect(outcomes[0]).toEqual(outcomes[1]);
          expect(contentOf(wasm)).toEqual(contentOf(reference));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("select the same last samples", () => {
    fc.assert(
      fc.property(increasingColumns(), grids, fc.nat(100_000), (columns, grid, lookbackMs) => {
        load(columns);
        const steps = [wasm, reference].map((kernel) =>
          stepsOf(grid, (values, present) => kernel.lastBefore(grid, lookbackMs, values, present)),
        );
        expect(steps[0]).toEqual(steps[1]);
      }),
      { numRuns: 300 },
    );
  });

  it.each(functionNames)("roll up the same %s", (name) => {
    fc.assert(
      fc.property(
        increasingColumns(),
        grids,
        fc.integer({ min: 1, max: 200_000 }),
        (columns, grid, rangeMs) => {
          load(columns);
          const steps = [wasm, reference].map((kernel) =>
            stepsOf(grid, (values, present) => kernel.rollup(name, grid, rangeMs, 0.5, values, present)),
          );
          expect(steps[0]).toEqual(steps[1]);
        },
      ),
      { numRuns: 150 },
    );
  });
});
