import { expect, it } from "vitest";
import { decodeImportResult, encodeImportResult } from "../../src/api/import-result-json.js";
import type { ImportResult } from "../../src/model/importing.js";
import { Labels } from "../../src/model/labels.js";

const empty: ImportResult = {
  series: 0,
  samples: 0,
  malformed: { count: 0, first: [] },
  rejected: new Map(),
  timeRange: undefined,
  metricNames: [],
};

it("an import's result comes back as it was", () => {
  const first = { labels: Labels.from({ __name__: "a", b: '"' }), time: -5, value: -Infinity };
  const result: ImportResult = {
    series: 1,
    samples: 2,
    malformed: { count: 3, first: [{ line: 4, reason: "no time" }] },
    rejected: new Map([["duplicate-time", { count: 2, first }]]),
    timeRange: { minTime: -5, maxTime: 6 },
    metricNames: ["a"],
  };
  for (const one of [empty, result]) {
    expect(decodeImportResult(JSON.parse(encodeImportResult(one)))).toEqual(one);
  }
});
