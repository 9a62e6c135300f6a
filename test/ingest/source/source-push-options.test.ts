import { describe, expect, it } from "vitest";
import { Source } from "../../../src/ingest/source/source.js";
import { PushScratch } from "../../../src/ingest/source/source-push-options.js";
import { SourceSeries } from "../../../src/ingest/source/source-series.js";
import { Labels } from "../../../src/model/labels.js";
import type { SeriesRef } from "../../../src/model/series.js";
import type { SeriesIndex } from "../../../src/model/series-index.js";

describe("PushScratch", () => {
  it("makes the labels of a series that has none of its own once, as long as few are shown", () => {
    let made = 0;
    const index: SeriesIndex = {
      epoch: 0,
      pair: () => 0,
      refsOf: () => {},
      labelsOf: (ref) => {
        made++;
        return Labels.from({ __name__: "m", ref: String(ref) });
      },
    };
    const scratch = new PushScratch();
    const shared = new SourceSeries(index, new Source("", ""));
    const show = (ref: number) => {
      shared.ref = ref as SeriesRef;
      return scratch.shownLabels(shared).get("ref");
    };
    expect([1, 2, 1, 2].map(show)).toEqual(["1", "2", "1", "2"]);
    expect(made).toBe(2);
    for (let ref = 3; ref < 10_000; ref++) show(ref);
    expect([1, 2].map(show)).toEqual(["1", "2"]);
    expect(made).toBe(10_001);
    const own = new SourceSeries(Labels.from({ __name__: "own" }), new Source("", ""));
    own.ref = 2 as SeriesRef;
    expect(String(scratch.shownLabels(own))).toBe("own");
    expect(show(2)).toBe("2");
  });
});
