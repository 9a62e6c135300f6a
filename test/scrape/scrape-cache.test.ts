import { describe, expect, it } from "vitest";
import { Labels } from "../../src/model/labels.js";
import type { SeriesRef } from "../../src/model/series.js";
import { PageBuffers } from "../../src/scrape/page-buffers.js";
import { ScrapeCache } from "../../src/scrape/scrape-cache.js";

const keep = (labels: Labels) => labels;

/** Reads a page, up to where it fails. */
function read(cache: ScrapeCache, text: string, metadata = {}): void {
  cache.beginPage();
  try {
    cache.readPage(Buffer.from(text), "prometheus", keep, metadata);
  } finally {
    for (const entry of cache.rows.entries) cache.track(entry);
  }
}

function ended(cache: ScrapeCache): string[] {
  return cache.vanished().map((entry) => String(cache.labelsOf(entry, keep)));
}

function endGood(cache: ScrapeCache): void {
  cache.forgetVanished();
  cache.endPage();
}

describe("ScrapeCache", () => {
  it("makes labels of the text again, with the type that its line stood below", () => {
    const cache = new ScrapeCache(new PageBuffers().kernel);
    read(cache, '# TYPE a histogram\na_bucket{le="1",x="ü\\n"} 1\nb{le="1"} 2\n');
    endGood(cache);
    const labels = cache.stored().map((entry) => cache.labelsOf(entry, keep));
    const bucket = Labels.from({ __name__: "a_bucket", le: "1.0", x: "ü\n" });
    expect(labels.map((of) => of.toObject())).toEqual([bucket.toObject(), { __name__: "b", le: "1.0" }]);
  });

  it("names a series that has ended once, also after pages that were not had", () => {
    const cache = new ScrapeCache(new PageBuffers().kernel);
    read(cache, "a 1\nb 1\n");
    endGood(cache);
    cache.beginPage();
    expect(ended(cache)).toEqual(["a", "b"]);
    cache.endPage();
    cache.beginPage();
    expect(ended(cache)).toEqual([]);
    cache.endPage();
  });

  it("ends what a page had before it failed when the next one has it no more", () => {
    const cache = new ScrapeCache(new PageBuffers().kernel);
    read(cache, "a 1\nb 1\n");
    endGood(cache);
    expect(() => read(cache, "a 1\nc 1\nd\nb 1\n")).toThrow("line 3");
    expect(ended(cache)).toEqual(["b"]);
    cache.endPage();
    read(cache, "c 1\n");
    expect(ended(cache)).toEqual(["a"]);
    endGood(cache);
  });

  it("tells a series that a page has by another line from one that it has not", () => {
    const cache = new ScrapeCache(new PageBuffers().kernel);
    read(cache, 'a{b="c"} 1\nd 1\n');
    for (const [row, entry] of cache.rows.entries.entries()) cache.setRef(entry, (row + 1) as SeriesRef);
    endGood(cache);
    expect(() => read(cache, 'a{b="c",} 1\nno line\n')).toThrow("line 2");
    cache.setRef(cache.rows.entries[0]!, 1 as SeriesRef);
    const series = cache.vanishedSeries().map((entry) => String(cache.labelsOf(entry, keep)));
    expect(series).toEqual(["d"]);
    expect(ended(cache)).toEqual(['a{b="c"}', "d"]);
  });

  it("does not know a series that was refused, however often it comes", () => {
    const cache = new ScrapeCache(new PageBuffers().kernel);
    const refuse = () => {
      throw new Error("refused");
    };
    for (let page = 1; page <= 3; page++) {
      cache.beginPage();
      expect(() => cache.readPage(Buffer.from("a 1\nb 1\n"), "prometheus", refuse, {})).toThrow("refused");
      expect(cache.rows.length).toBe(0);
      cache.endPage();
    }
    expect(cache.stored()).toEqual([]);
  });

  it("forgets what failed pages had when they always have something else", () => {
    const cache = new ScrapeCache(new PageBuffers().kernel);
    for (let page = 0; page < 50; page++) {
      const lines = Array.from({ length: 100 }, (_, i) => `a{n="${page}",i="${i}"} 1\n`);
      expect(() => read(cache, `${lines.join("")}b\n`)).toThrow("line 101");
      cache.limitFailed();
      cache.endPage();
    }
    expect(cache.stored().length).toBeLessThanOrEqual(1200);
  });

  it("tells a metric's metadata when they are new, and now and then again", () => {
    const cache = new ScrapeCache(new PageBuffers().kernel);
    const told: string[] = [];
    const help = (name: string, text: string) => told.push(`${name} ${text}`);
    for (let page = 1; page <= 130; page++) {
      read(cache, `# HELP a ${page < 10 ? "Before." : "After."}\na 1\n`, { help });
      endGood(cache);
    }
    expect(told).toEqual(["a Before.", "a After.", "a After.", "a After."]);
  });

  it("gives its memory back when it is deleted", () => {
    const { kernel } = new PageBuffers();
    const fill = (round: number) => {
      const cache = new ScrapeCache(kernel);
      const lines = Array.from(
        { length: 2000 },
        (_, i) => `round_${round}_metric{name="of some length",n="${i}"} 1\n`,
      );
      read(cache, lines.join(""));
      endGood(cache);
      cache.delete();
      cache.delete();
    };
    fill(0);
    const before = kernel.sizeBytes;
    for (let round = 1; round < 30; round++) fill(round);
    expect(kernel.sizeBytes).toBeLessThan(before + 256 * 1024);
  });
});
