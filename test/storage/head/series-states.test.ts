import { describe, expect, it } from "vitest";
import { ReferenceSeriesState } from "../../../src/kernels/reference-series-state.js";
import { newSeriesState } from "../../../src/kernels/series-state.js";
import { UnavailableError } from "../../../src/model/errors.js";
import { ALL_TIME } from "../../../src/model/sample.js";
import { decodeChunk } from "../../../src/storage/chunk/encode-chunks.js";
import { HeadSamples } from "../../../src/storage/head/head-samples.js";
import { SeriesStates } from "../../../src/storage/head/series-states.js";

const kernels = { WebAssembly: newSeriesState, TypeScript: () => new ReferenceSeriesState() };

/** A kernel whose memory has no more than some pages. */
class SmallSeriesState extends ReferenceSeriesState {
  readonly #pagesMax: number;

  constructor(pagesMax: number) {
    super();
    this.#pagesMax = pagesMax;
  }

  override grow(pages: number): void {
    if (this.buffer.byteLength / 65_536 + pages > this.#pagesMax) throw new RangeError("no memory is left");
    super.grow(pages);
  }
}

/** Rows of one sample each for slots from 1 on. */
function rowsAt(time: number, slotCount: number) {
  const slots = Uint32Array.from({ length: slotCount }, (_, i) => i + 1);
  const values = Float64Array.from(slots, (slot) => Math.sin(slot * time));
  return { slots, times: new Float64Array(slotCount).fill(time), values, length: slotCount };
}

describe.each(Object.entries(kernels))("SeriesStates on %s", (_name, kernel) => {
  it("holds as many series as there are, and gives each its own chunk", () => {
    const samples = new HeadSamples(new SeriesStates(kernel()));
    const slotCount = 1100;
    for (let slot = 1; slot <= slotCount; slot++) samples.begin(slot);
    for (let time = 0; time < 130; time++)
      samples.appendRows(rowsAt(time, slotCount), 1, () => expect.fail());
    for (const slot of [1, 1023, 1024, 1025, 1100]) {
      const chunks = samples.chunksIn(slot, ALL_TIME);
      expect(chunks.length).toBeGreaterThan(1);
      const values = chunks.flatMap((chunk) => [...decodeChunk(chunk).values]);
      expect(values).toEqual(Array.from({ length: 130 }, (_, time) => Math.sin(slot * time)));
    }
  });

  it("uses the cells of chunks that have ended", () => {
    const states = new SeriesStates(kernel());
    for (let slot = 1; slot <= 100; slot++) states.begin(slot);
    const sizes = new Set<number>();
    for (let round = 0; round < 100; round++) {
      for (let time = 0; time < (round === 0 ? 1 : 15); time++) {
        expect(states.load(rowsAt(round * 1000 + time, 100), 0)).toBe(100);
        expect(states.appendRows(0, 100, 1)).toBe(100);
      }
      if (round > 0) sizes.add(states.openChunkBytes);
      for (let slot = 1; slot <= 100; slot++) states.clearOpenChunk(slot);
    }
    expect(sizes.size).toBe(1);
  });

  it("forgets what a slot had when it begins anew", () => {
    const states = new SeriesStates(kernel());
    states.begin(1);
    states.markOwn(1);
    states.load(rowsAt(5, 1), 0);
    states.appendRows(0, 1, 7);
    expect([states.isNamed(1), states.isOwn(1), states.isUnnamedSince(1, 7)]).toEqual([true, true, false]);
    expect([states.isUnnamedSince(1, 8), states.isUnnamedSince(1, 7 + 65_536)]).toEqual([true, false]);
    states.clearOpenChunk(1);
    states.begin(1);
    expect([states.isNamed(1), states.isOwn(1), states.isUnnamedSince(1, 7)]).toEqual([false, false, true]);
    expect([states.newestTimeOf(1), states.sampleCountOf(1)]).toEqual([-Infinity, 0]);
  });
});

describe("SeriesStates without memory", () => {
  it("refuses series, and closes open chunks for those that it has", () => {
    const pages = new ReferenceSeriesState().buffer.byteLength / 65_536;
    const samples = new HeadSamples(new SeriesStates(new SmallSeriesState(pages + 3)));
    for (let slot = 1; slot < 1024; slot++) samples.begin(slot);
    // One page has the records; two have cells for all series but not for long.
    for (let time = 0; time < 50; time++) samples.appendRows(rowsAt(time, 1023), 1, () => expect.fail());
    for (const slot of [1, 500, 1023]) {
      const chunks = samples.chunksIn(slot, ALL_TIME);
      expect(chunks.length).toBeGreaterThan(1);
      expect(chunks.flatMap((chunk) => [...decodeChunk(chunk).values])).toEqual(
        Array.from({ length: 50 }, (_, time) => Math.sin(slot * time)),
      );
    }
    expect(() => samples.begin(1024)).toThrow(UnavailableError);
  });
});
