import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ReferenceSeriesState } from "../../src/kernels/reference-series-state.js";
import { newSeriesState, type SeriesStateKernel } from "../../src/kernels/series-state.js";
import {
  CELL_PAYLOAD_SIZE_BYTES,
  CHUNK_AT,
  COUNT,
  FLAGS,
  FOUND_AT,
  FREE_CELL_AT,
  FREE_CELL_COUNT_AT,
  firstShareOf,
  GENERATION,
  IS_NAMED,
  IS_NEWEST_OWN,
  LAST_CELL,
  NEWEST_TIME,
  PAGE_SIZE_BYTES,
  PAGE_TABLE_AT,
  REGIONS_SIZE_BYTES,
  ROW_SLOTS_AT,
  ROW_TIMES_AT,
  ROW_VALUES_AT,
} from "../../src/kernels/series-state-format.js";
import { encodeXor } from "../../src/kernels/xor.js";
import { throwXorFault } from "../../src/kernels/xor-format.js";

const slotCount = 4;
const cellCount = 1024;

/** A kernel with one page of records for `slotCount` series and one page of cells. */
class Fixture {
  readonly kernel: SeriesStateKernel;
  readonly recordsAt: number;
  readonly #view: DataView;

  constructor(kernel: SeriesStateKernel) {
    this.kernel = kernel;
    this.recordsAt = kernel.buffer.byteLength;
    kernel.grow(2);
    this.#view = new DataView(kernel.buffer);
    this.#view.setUint32(kernel.origin + PAGE_TABLE_AT, this.recordsAt, true);
    for (let slot = 0; slot < slotCount; slot++)
      this.#view.setFloat64(this.recordAt(slot) + NEWEST_TIME, -Infinity, true);
    const firstCell = (this.recordsAt + PAGE_SIZE_BYTES) / 64;
    for (let i = 0; i < cellCount; i++)
      this.#view.setUint32((firstCell + i) * 64, i === cellCount - 1 ? 0 : firstCell + i + 1, true);
    this.#view.setUint32(kernel.origin + FREE_CELL_AT, firstCell, true);
    this.#view.setUint32(kernel.origin + FREE_CELL_COUNT_AT, cellCount, true);
  }

  recordAt(slot: number): number {
    return this.recordsAt + slot * 64;
  }

  load(rows: readonly Row[]): void {
    const { origin } = this.kernel;
    for (const [i, { slot, time, bits }] of rows.entries()) {
      this.#view.setUint32(origin + ROW_SLOTS_AT + i * 4, slot, true);
      this.#view.setFloat64(origin + ROW_TIMES_AT + i * 8, time, true);
      this.#view.setBigUint64(origin + ROW_VALUES_AT + i * 8, bits, true);
    }
  }

  /** The bits of the value that was found. */
  found(): bigint {
    return this.#view.getBigUint64(this.kernel.origin + FOUND_AT, true);
  }

  /** The records, and the body of each open chunk that its cells hold. */
  state(): { records: Uint8Array; bodies: number[][]; freeCells: number } {
    const bytes = new Uint8Array(this.kernel.buffer);
    const bodies: number[][] = [];
    for (let slot = 0; slot < slotCount; slot++) {
      const size = (this.#view.getUint16(this.recordAt(slot) + 56, true) + 7) >>> 3;
      const payloads: number[][] = [];
      let cell = this.#view.getUint32(this.recordAt(slot) + LAST_CELL, true);
      for (; cell !== 0; cell = this.#view.getUint32(cell * 64, true))
        payloads.unshift([...bytes.subarray(cell * 64 + 4, cell * 64 + 64)]);
      expect(payloads.length).toBe(Math.ceil(size / CELL_PAYLOAD_SIZE_BYTES));
      bodies.push(payloads.flat().slice(0, size));
    }
    return {
      records: bytes.slice(this.recordsAt, this.recordAt(slotCount)),
      bodies,
      freeCells: this.#view.getUint32(this.kernel.origin + FREE_CELL_COUNT_AT, true),
    };
  }
}

interface Row {
  readonly slot: number;
  readonly time: number;
  readonly bits: bigint;
}

/** The bits of 3, 4 and so on, of any double, of the staleness marker. */
const valueBits = fc.oneof(
  fc.integer({ min: 0, max: 50 }).map((n) => new BigUint64Array(Float64Array.of(n / 4).buffer)[0]!),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constant(0x7ff0000000000002n),
);
const row = fc.record({
  slot: fc.nat(slotCount - 1),
  step: fc.oneof(
    fc.constant(15_000),
    fc.integer({ min: 14_990, max: 15_010 }),
    fc.integer({ min: -5, max: 100_000 }),
    fc.integer({ min: 1, max: 2 ** 44 }),
  ),
  bits: valueBits,
});

function rowsOf(steps: readonly { slot: number; step: number; bits: bigint }[]): Row[] {
  const times = new Float64Array(slotCount).fill(-(2 ** 50));
  return steps.map(({ slot, step, bits }) => {
    times[slot]! += step;
    return { slot, time: times[slot]!, bits };
  });
}

afterEach(() => vi.unstubAllGlobals());

describe("series-state kernel", () => {
  it("does what its twin does, record by record and bit by bit", () => {
    const sizes = fc.array(row, { minLength: 100, maxLength: 600, size: "max" });
    fc.assert(
      fc.property(sizes, fc.nat(0xffff), fc.boolean(), (steps, generation, isReplay) => {
        const rows = rowsOf(steps);
        const marks = isReplay ? 0 : IS_NAMED + generation * 256;
        const fixtures = [new Fixture(newSeriesState()), new Fixture(new ReferenceSeriesState())];
        for (const { kernel } of fixtures) expect(kernel.screenRows(0, 0)).toBe(0);
        const stops = fixtures.map((fixture) => {
          fixture.load(rows);
          const found: number[] = [];
          for (let at = 0; at < rows.length; at++) {
            found.push(fixture.kernel.screenRows(at, rows.length));
            at = fixture.kernel.appendRows(at, rows.length, 120, marks);
            found.push(at);
          }
          return found;
        });
        expect(stops[0]).toEqual(stops[1]);
        expect(fixtures[0]!.state().bodies).toEqual(fixtures[1]!.state().bodies);
        // The cells have other numbers, as the memories have other sizes.
        const records = fixtures.map((fixture) => withoutCells(fixture.state().records));
        expect(records[0]).toEqual(records[1]);
        expect(fixtures[0]!.state().freeCells).toBe(fixtures[1]!.state().freeCells);
      }),
      { numRuns: 60 },
    );
  });

  it("closes chunks by their bits as its twin does, first ones earlier, and none much beyond its bits", () => {
    const bitsMax = 1360;
    const sizes = fc.array(row, { minLength: 100, maxLength: 600, size: "max" });
    fc.assert(
      fc.property(sizes, (steps) => {
        const rows = rowsOf(steps.map((one) => ({ ...one, step: Math.max(1, one.step) })));
        const [stops, others] = [newSeriesState(), new ReferenceSeriesState()].map((kernel) => {
          const fixture = new Fixture(kernel);
          fixture.load(rows);
          const found: number[] = [];
          for (let at = 0; at < rows.length; at++) {
            at = kernel.appendRows(at, rows.length, 120, 0, bitsMax);
            const { records } = fixture.state();
            const view = new DataView(records.buffer, records.byteOffset);
            for (let slot = 0; slot < slotCount; slot++)
              expect(view.getUint16(slot * 64 + 56, true)).toBeLessThan(bitsMax + 160);
            found.push(at);
          }
          return found;
        });
        expect(stops).toEqual(others);
      }),
      { numRuns: 40 },
    );
    const counts = [0, 1, 2, 3].map((slot) => {
      const fixture = new Fixture(newSeriesState());
      fixture.load(Array.from({ length: 120 }, (_, i) => ({ slot, time: i, bits: 7n })));
      return fixture.kernel.appendRows(0, 120, 120, 0, bitsMax);
    });
    expect(counts).toEqual([0, 1, 2, 3].map((slot) => Math.ceil((120 * firstShareOf(slot)) / 256)));
    expect(new Set(counts).size).toBe(4);
  });

  it("writes the bytes of the encoder", () => {
    const steps = fc.array(row, { minLength: 1, maxLength: 400, size: "max" });
    fc.assert(
      fc.property(steps, (generated) => {
        const rows = rowsOf(generated.map((one) => ({ ...one, step: Math.max(1, one.step) })));
        const fixture = new Fixture(newSeriesState());
        fixture.load(rows);
        expect(fixture.kernel.appendRows(0, rows.length, 255, 0)).toBe(firstBeyond(rows, 255) ?? rows.length);
        const taken = rows.slice(0, firstBeyond(rows, 255));
        for (const [slot, body] of fixture.state().bodies.entries()) {
          const own = taken.filter((one) => one.slot === slot);
          const times = Float64Array.from(own, ({ time }) => time);
          const values = new Float64Array(BigUint64Array.from(own, ({ bits }) => bits).buffer);
          const chunk = encodeXor({ times, values, length: own.length });
          expect(body).toEqual([...chunk.subarray(2)]);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("gathers open chunks and finds what is in them", () => {
    const steps = fc.array(row, { minLength: 1, maxLength: 300, size: "max" });
    fc.assert(
      fc.property(steps, (generated) => {
        const rows = rowsOf(generated.map((one) => ({ ...one, step: Math.max(1, one.step) })));
        for (const kernel of [newSeriesState(), new ReferenceSeriesState()]) {
          const fixture = new Fixture(kernel);
          fixture.load(rows);
          const taken = rows.slice(0, kernel.appendRows(0, rows.length, 120, 0));
          for (let slot = 0; slot < slotCount; slot++) {
            const own = taken.filter((one) => one.slot === slot);
            const size = kernel.gatherOpenChunk(slot);
            const bytes = new Uint8Array(kernel.buffer, kernel.origin + CHUNK_AT, size);
            const body = fixture.state().bodies[slot]!;
            expect([...bytes]).toEqual([0, own.length, ...body]);
            if (own.length === 0) continue;
            for (const { time, bits } of own) {
              expect(kernel.findInChunk(size, own.length, time)).toBe(1);
              expect(fixture.found()).toBe(bits);
            }
            const absent = [own[0]!.time - 1, own.at(-1)!.time + 1, own[0]!.time + 0.5];
            expect(absent.map((time) => kernel.findInChunk(size, own.length, time))).toEqual([0, 0, 0]);
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it("says what is wrong with a chunk", () => {
    const bytes = [0, 2, ...Array<number>(40).fill(0xff)];
    const faults: unknown[] = [];
    for (const kernel of [newSeriesState(), new ReferenceSeriesState()]) {
      new Uint8Array(kernel.buffer).set(bytes, kernel.origin + CHUNK_AT);
      try {
        const found = kernel.findInChunk(bytes.length, 2, 5);
        if (found < 0) throwXorFault(-found);
      } catch (error) {
        faults.push(String(error));
      }
    }
    expect(faults).toHaveLength(2);
    expect(faults[0]).toBe(faults[1]);
  });

  it("stops at a row that is not newer, and at one whose chunk is full", () => {
    for (const kernel of [newSeriesState(), new ReferenceSeriesState()]) {
      const fixture = new Fixture(kernel);
      const times = [1, 2, 2, 3, 4, 5];
      fixture.load(times.map((time) => ({ slot: 1, time, bits: BigInt(time) })));
      expect(kernel.appendRows(0, 6, 4, 0)).toBe(2);
      expect(kernel.appendRows(2, 6, 4, 0)).toBe(2);
      expect(kernel.appendRows(3, 6, 4, 0)).toBe(5);
      expect(fixture.state().records[64 + COUNT]).toBe(4);
    }
  });

  it("marks series only when told to, and screens by the marks", () => {
    for (const kernel of [newSeriesState(), new ReferenceSeriesState()]) {
      const fixture = new Fixture(kernel);
      fixture.load([1, 2, 3, 4].map((time) => ({ slot: 2, time, bits: 7n })));
      kernel.appendRows(0, 1, 120, 0);
      expect(kernel.screenRows(1, 4)).toBe(1);
      kernel.appendRows(1, 2, 120, (IS_NAMED | IS_NEWEST_OWN) + 0x1234 * 256);
      expect(kernel.screenRows(2, 4)).toBe(4);
      expect(kernel.screenRows(1, 4)).toBe(1);
      const record = fixture.state().records.subarray(128, 192);
      expect([record[FLAGS], record[GENERATION], record[GENERATION + 1]]).toEqual([3, 0x34, 0x12]);
    }
  });

  it("is the twin where WebAssembly is missing", async () => {
    vi.stubGlobal("WebAssembly", undefined);
    vi.resetModules();
    const modules = {
      ...(await import("../../src/kernels/series-state.js")),
      ...(await import("../../src/kernels/reference-series-state.js")),
    };
    expect(modules.newSeriesState()).toBeInstanceOf(modules.ReferenceSeriesState);
  });

  it("has its regions in whole pages", () => {
    for (const { origin, buffer } of [newSeriesState(), new ReferenceSeriesState()]) {
      expect(origin % 64).toBe(0);
      expect(buffer.byteLength % PAGE_SIZE_BYTES).toBe(0);
      expect(buffer.byteLength).toBeGreaterThanOrEqual(origin + REGIONS_SIZE_BYTES);
    }
  });
});

/** The first row that would be sample `countMax` + 1 of its series. */
function firstBeyond(rows: readonly Row[], countMax: number): number | undefined {
  const counts = new Map<number, number>();
  for (const [i, { slot }] of rows.entries()) {
    counts.set(slot, (counts.get(slot) ?? 0) + 1);
    if (counts.get(slot)! > countMax) return i;
  }
  return undefined;
}

function withoutCells(records: Uint8Array): Uint8Array {
  for (let slot = 0; slot < slotCount; slot++)
    records.fill(0, slot * 64 + LAST_CELL, slot * 64 + LAST_CELL + 4);
  return records;
}
