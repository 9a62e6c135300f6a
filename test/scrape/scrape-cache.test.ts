import { describe, expect, it } from "vitest";
import { Labels } from "../../src/model/labels.js";
import { PageBuffers } from "../../src/scrape/page-buffers.js";
import { ScrapeCache } from "../../src/scrape/scrape-cache.js";

const keep = (labels: Labels) => labels;

/** Reads a good page. */
function read(cache: ScrapeCache, text: string, metadata = {}): void {
  cache.beginPage();
  cache.readPage(Buffer.from(text), "prometheus", keep, metadata);
  const { entries } = cache.rows;
  for (const entry of entries) if (!cache.isDropped(entry)) cache.track(entry);
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

  it("names series that have ended once, also when a page could not be used meanwhile", () => {
    const cache = new ScrapeCache(new PageBuffers().kernel);
    read(cache, "a 1\nb 1\n");
    endGood(cache);
    read(cache, "a 1\nc 1\n");
    cache.discardPage();
    expect(cache.vanished()).toHaveLength(2);
    cache.endPage();
    cache.beginPage();
    expect(cache.vanished()).toEqual([]);
    cache.endPage();
    read(cache, "b 1\n");
    expect(cache.vanished()).toEqual([]);
    endGood(cache);
    read(cache, "c 1\n");
    const ended = cache.vanished().map((entry) => String(cache.labelsOf(entry, keep)));
    expect(ended).toEqual(["b"]);
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
      cache.discardPage();
    }
    expect(cache.stored()).toEqual([]);
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
