import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32c } from "../../../src/kernels/crc32c.js";
import { TsdbError } from "../../../src/model/errors.js";
import { Labels } from "../../../src/model/labels.js";
import type { ChunkMeta } from "../../../src/storage/chunk/chunk-meta.js";
import { IndexContent, type IndexedSeries } from "../../../src/storage/index/index-content.js";
import { TOC_SIZE_BYTES } from "../../../src/storage/index/index-format.js";
import { IndexReader } from "../../../src/storage/index/index-reader.js";
import { writeIndex } from "../../../src/storage/index/index-writer.js";

async function written(series: readonly IndexedSeries[]): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const content = new IndexContent();
  for (const each of series) content.add(each);
  await writeIndex(content, async (bytes) => {
    parts.push(bytes.slice());
  });
  return Uint8Array.from(Buffer.concat(parts));
}

/** Everything that an index says, read until the first error. */
async function readAll(bytes: Uint8Array): Promise<unknown> {
  const index = await IndexReader.open(bytes, "index");
  index.verify();
  return {
    series: Array.from(index.all(), (ref) => plain(index.series(ref))),
    postings: index
      .labelNames()
      .map((name) => [
        name,
        index.labelValues(name).map((value) => [value, [...index.postings(name, value)]]),
      ]),
  };
}

/** Labels as text: they keep their names and values from `toEqual`. */
const plain = ({ labels, chunks }: IndexedSeries) => ({ labels: labels.toString(), chunks });

const chunk = (ref: number, minTime: number, maxTime: number): ChunkMeta => ({ ref, minTime, maxTime });
const small: readonly IndexedSeries[] = [
  { labels: Labels.from({ a: "1" }), chunks: [chunk(8, -(2 ** 50), -5), chunk(2 ** 40, 0, 2 ** 50)] },
  { labels: Labels.from({ a: "2", b: "\u{1f600}" }), chunks: [chunk(2 ** 40 + 9, 7, 7)] },
];

describe("an index file", () => {
  it("says what was written", async () => {
    const index = await IndexReader.open(await written(small), "index");
    const refs = index.all();
    expect(Array.from(refs, (ref) => plain(index.series(ref)))).toEqual(small.map(plain));
    expect(Array.from(refs, (ref) => index.labels(ref).toString())).toEqual(
      small.map(({ labels }) => labels.toString()),
    );
    expect([index.labelNames(), index.labelValues("a"), index.labelValues("c")]).toEqual([
      ["a", "b"],
      ["1", "2"],
      [],
    ]);
    expect([...index.postings("b", "\u{1f600}"), ...index.postings("a", "3")]).toEqual([refs[1]]);
  });

  it("sorts symbols and label values by bytes", async () => {
    const labels = ["\uffee", "\u{1f600}", "z"].map((value) => Labels.from({ a: value }));
    const series = labels
      .sort((x, y) => x.compare(y))
      .map((each) => ({ labels: each, chunks: [chunk(8, 1, 1)] }));
    const index = await IndexReader.open(await written(series), "index");
    expect(index.labelValues("a")).toEqual(["z", "\uffee", "\u{1f600}"]);
    expect([...index.postings("a", "\u{1f600}")]).toEqual([index.all()[2]]);
  });

  it("is without series when none were written", async () => {
    expect(await readAll(await written([]))).toEqual({ series: [], postings: [] });
  });

  it("grows beyond the writer's buffer", async () => {
    const series = Array.from({ length: 12_000 }, (_, i) => ({
      labels: Labels.from({ __name__: "m", i: String(i).padStart(6, "0") }),
      chunks: [chunk(i * 100, i, i + 5)],
    }));
    const index = await IndexReader.open(await written(series), "index");
    index.verify();
    expect(index.all().length).toBe(12_000);
    expect(plain(index.series(index.postings("i", "011999")[0]!))).toEqual(plain(series[11_999]!));
  });

  it("with right checksums over wrong bytes gives an error or an answer, never a crash", async () => {
    const intact = await written(small);
    const bodies = await checkedStretches(intact);
    expect(bodies.length).toBe(9);
    const change = fc.record({
      body: fc.nat({ max: bodies.length - 1 }),
      at: fc.nat(),
      value: fc.nat({ max: 255 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = intact.slice();
        for (const { body, at, value } of changes) {
          const [start, end] = bodies[body]!;
          bytes[start + (at % (end - start))] = value;
        }
        for (const [start, end] of bodies)
          new DataView(bytes.buffer).setUint32(end, crc32c(bytes.subarray(start, end)));
        try {
          await readAll(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(TsdbError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

/** [start, end) of all that a checksum covers in a small index: symbols, series, postings, offsets, TOC. */
async function checkedStretches(bytes: Uint8Array): Promise<readonly (readonly [number, number])[]> {
  const view = new DataView(bytes.buffer);
  const tocStart = bytes.length - TOC_SIZE_BYTES;
  const [symbols, , seriesEnd, , , offsets] = Array.from({ length: 6 }, (_, i) =>
    view.getUint32(tocStart + i * 8 + 4),
  );
  const section = (at: number) => [at + 4, at + 4 + view.getUint32(at)] as const;
  const stretches = [section(symbols!), section(offsets!), [tocStart, bytes.length - 4] as const];
  for (const ref of (await IndexReader.open(bytes, "index")).all())
    stretches.push([ref * 16 + 1, ref * 16 + 1 + bytes[ref * 16]!]);
  for (let at = seriesEnd!; at < offsets!; at = section(at)[1] + 4) stretches.push(section(at));
  return stretches;
}
