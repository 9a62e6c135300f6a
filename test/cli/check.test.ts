import { describe, expect, it } from "vitest";
import { reportLines } from "../../src/cli/check.js";

const ulid = "01J00000000000000000000000";
const log = { segments: 2, records: 30, bytes: 400, samples: 50, problems: [] };
const block = { ulid, range: { minTime: 0, maxTime: 7_199_999 }, series: 3, samples: 100, problems: [] };

describe("the report of a check", () => {
  it("says that nothing is broken", () => {
    expect(reportLines({ isSound: true, blocks: [block], log, notes: ["a.tmp is unfinished work"] })).toEqual(
      [
        `block ${ulid} 1970-01-01T00:00:00Z to 1970-01-01T01:59:59.999Z: 3 series, 100 samples`,
        "log: 2 segments, 30 records, 50 samples",
        "note: a.tmp is unfinished work",
        "nothing is broken",
      ],
    );
  });

  it("names every broken file, with the byte, and what can still be read", () => {
    const problems = [
      { file: "d/b/index", offset: 7, message: "a checksum of the index is wrong (d/b/index at byte 7)" },
      { file: "d/b/chunks", offset: undefined, message: "the file is missing" },
      ...Array.from({ length: 30 }, (_, offset) => ({ file: "d/b/chunks/000001", offset, message: "wrong" })),
    ];
    const lines = reportLines({
      isSound: false,
      blocks: [{ ...block, range: undefined, problems }],
      log: { ...log, problems: [{ file: "d/wal/00000001", offset: 16, message: "lost" }] },
      notes: [],
    });
    expect(lines.slice(0, 4)).toEqual([
      `block ${ulid}: 3 series, 100 samples can be read`,
      "  a checksum of the index is wrong (d/b/index at byte 7)",
      "  d/b/chunks: the file is missing",
      "  d/b/chunks/000001 at byte 0: wrong",
    ]);
    expect(lines.slice(-5)).toEqual([
      "  d/b/chunks/000001 at byte 17: wrong",
      "  and 12 more",
      "log: 2 segments, 30 records, 50 samples can be read",
      "  d/wal/00000001 at byte 16: lost",
      "broken: d/b/chunks, d/b/chunks/000001, d/b/index, d/wal/00000001",
    ]);
  });
});
