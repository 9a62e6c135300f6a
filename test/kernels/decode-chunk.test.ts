import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ColumnKernel, columnKernel } from "../../src/kernels/column-kernel.js";
import { decodeChunk } from "../../src/kernels/decode-chunk.js";
import { ReferenceColumnKernel } from "../../src/kernels/reference-column-kernel.js";
import { encodeXor } from "../../src/kernels/xor.js";
import { NotImplementedError, TsdbError } from "../../src/model/errors.js";
import { ALL_TIME, type SampleColumns } from "../../src/model/sample.js";
import { CHUNK_DENSE, CHUNK_XOR, type EncodedChunk } from "../../src/model/series.js";
import { bitsOf, columnsOf, valueFromBits } from "./arbitraries.js";
import { corruptedDense, denseColumns, forceDense } from "./dense-arbitraries.js";

const kernels: readonly [string, () => ColumnKernel][] = [
  ["WebAssembly", columnKernel],
  ["TypeScript", () => new ReferenceColumnKernel()],
];

function chunkOf(encoding: number, columns: SampleColumns): EncodedChunk {
  const bytes = encoding === CHUNK_DENSE ? forceDense(columns) : encodeXor(columns);
  return { encoding, bytes, count: columns.length, minTime: columns.times[0]!, maxTime: 0 };
}

function contentOf(kernel: ColumnKernel) {
  return { length: kernel.length, times: [...kernel.times()], values: bitsOf(kernel.values()) };
}

describe.each(kernels)("decodeChunk with a kernel in %s", (_, make) => {
  it("decodes chunks of both encodings behind one another", () => {
    const kernel = make();
    const first = columnsOf([10, 20, 30], [1.5, 2.5, 4]);
    const second = columnsOf([40, 50], [5, 6]);
    expect(decodeChunk(kernel, chunkOf(CHUNK_DENSE, first), ALL_TIME, true)).toBe(3);
    expect(decodeChunk(kernel, chunkOf(CHUNK_XOR, second), ALL_TIME, true)).toBe(5);
    expect(decodeChunk(kernel, chunkOf(CHUNK_DENSE, columnsOf([60], [7])), ALL_TIME, true)).toBe(6);
    expect([...kernel.times()]).toEqual([10, 20, 30, 40, 50, 60]);
    expect([...kernel.values()]).toEqual([1.5, 2.5, 4, 5, 6, 7]);
  });

  it("keeps the same samples of both encodings: any bits, any bounds, markers or not", () => {
    const kernel = make();
    fc.assert(
      fc.property(denseColumns(), fc.nat(), fc.nat(), fc.boolean(), (columns, from, to, dropStale) => {
        const range = {
          minTime: columns.times[from % columns.length]!,
          maxTime: columns.times[to % columns.length]!,
        };
        kernel.clear();
        decodeChunk(kernel, chunkOf(CHUNK_XOR, columns), range, dropStale);
        const expected = contentOf(kernel);
        kernel.clear();
        decodeChunk(kernel, chunkOf(CHUNK_DENSE, columns), range, dropStale);
        expect(contentOf(kernel)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it("leaves out staleness markers, and no other NaN", () => {
    const columns = columnsOf([1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4]);
    valueFromBits(columns.values, 1, 0x7ff0000000000002n);
    valueFromBits(columns.values, 2, 0x7ff0000000000003n);
    const kernel = make();
    decodeChunk(kernel, chunkOf(CHUNK_DENSE, columns), ALL_TIME, true);
    expect([...kernel.times()]).toEqual([1, 3, 4]);
    expect(bitsOf(kernel.values())[1]).toBe(0x7ff0000000000003n);
  });

  it("leaves the column as it was after a broken chunk", () => {
    const kernel = make();
    kernel.append(columnsOf([1, 2], [3, 4]));
    const chunk = chunkOf(CHUNK_DENSE, columnsOf([5, 6, 7], [1, 2.5, 0.1]));
    const cut = { ...chunk, bytes: chunk.bytes.subarray(0, -1) };
    expect(() => decodeChunk(kernel, cut, ALL_TIME, true)).toThrow("ends before");
    expect(() => decodeChunk(kernel, { ...chunk, count: 2 }, ALL_TIME, true)).toThrow("another number");
    expect(contentOf(kernel)).toEqual({ length: 2, times: [1, 2], values: bitsOf(Float64Array.of(3, 4)) });
  });

  it("refuses encodings that it does not know", () => {
    const chunk = { ...chunkOf(CHUNK_XOR, columnsOf([1], [1])), encoding: 2 };
    expect(() => decodeChunk(make(), chunk, ALL_TIME, true)).toThrow(NotImplementedError);
  });
});

it("decodeChunk accepts or refuses any dense bytes alike in both kernels", () => {
  const wasm = columnKernel();
  const reference = new ReferenceColumnKernel();
  const outcome = (kernel: ColumnKernel, chunk: EncodedChunk) => {
    kernel.clear();
    try {
      decodeChunk(kernel, chunk, { minTime: 0, maxTime: 1e6 }, true);
      return contentOf(kernel);
    } catch (error) {
      if (!(error instanceof TsdbError)) throw error;
      return error.message;
    }
  };
  fc.assert(
    fc.property(corruptedDense(), ({ bytes, count }) => {
      const chunk = { encoding: CHUNK_DENSE, bytes, count, minTime: 0, maxTime: 0 };
      expect(outcome(wasm, chunk)).toEqual(outcome(reference, chunk));
    }),
    { numRuns: 2000 },
  );
});
