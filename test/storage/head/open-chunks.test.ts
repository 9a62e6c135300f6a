import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeXor } from "../../../src/kernels/xor.js";
import { OpenChunks } from "../../../src/storage/head/open-chunks.js";

function bodyOf(chunks: OpenChunks, slot: number): Uint8Array {
  const bytes = new Uint8Array(chunks.sizeBytesOf(slot));
  chunks.copyTo(slot, bytes, 0);
  return bytes;
}

describe("OpenChunks", () => {
  it("writes the bytes of the encoder, for many chunks that grow and end in any order", () => {
    const chunks = new OpenChunks();
    const slotCount = 5;
    chunks.reserve(slotCount);
    const model = Array.from({ length: slotCount }, () => ({
      times: [] as number[],
      values: [] as number[],
    }));
    const clear = (slot: number) => {
      chunks.clear(slot);
      model[slot] = { times: [], values: [] };
    };
    const value = fc.oneof(fc.double({ noNaN: true }), fc.integer({ min: 0, max: 9 }));
    const command = fc.record({
      slot: fc.nat(slotCount - 1),
      step: fc.oneof(fc.constant(15_000), fc.integer({ min: 1, max: 2 ** 40 })),
      value,
      ends: fc.integer({ min: 0, max: 99 }).map((n) => n === 0),
    });
    fc.assert(
      fc.property(fc.array(command, { minLength: 300, maxLength: 600 }), (commands) => {
        for (const { slot, step, value, ends } of commands) {
          const { times, values } = model[slot]!;
          if (ends || times.length === 120) {
            clear(slot);
            continue;
          }
          const last = times.at(-1) ?? 0;
          chunks.append(slot, last, last + step, Float64Array.of(value), 0);
          times.push(last + step);
          values.push(value);
        }
        for (const [slot, { times, values }] of model.entries()) {
          expect(chunks.countOf(slot)).toBe(times.length);
          if (times.length === 0) continue;
          const columns = {
            times: Float64Array.from(times),
            values: Float64Array.from(values),
            length: times.length,
          };
          expect(bodyOf(chunks, slot)).toEqual(encodeXor(columns));
          expect(chunks.minTimeOf(slot)).toBe(times[0]);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("uses the cells of chunks that have ended", () => {
    const chunks = new OpenChunks();
    chunks.reserve(100);
    for (let round = 0; round < 50; round++) {
      for (let slot = 0; slot < 100; slot++) {
        for (let i = 0; i < 120; i++) chunks.append(slot, i - 1, i, Float64Array.of(Math.sin(i * slot)), 0);
      }
      for (let slot = 0; slot < 100; slot++) chunks.clear(slot);
    }
    expect(chunks.sizeBytes).toBe(1024 * 1024);
  });
});
