import { describe, expect, it } from "vitest";
import { openDatabase } from "../src/database.js";
import { InvalidArgumentError, ParseError } from "../src/model/errors.js";
import { FakeClock } from "./support/fake-clock.js";
import { MemFileSystem } from "./support/mem-file-system.js";

const day = 24 * 3_600_000;

describe("DatabaseOptions.retentionRules", () => {
  const fileSystem = new MemFileSystem();
  const clock = new FakeClock(1000 * day);
  const open = (retentionRules: { match: string; retentionMs: number }[]) =>
    openDatabase({ directory: "data", fileSystem, clock, retentionMs: 30 * day, retentionRules });

  it("are selectors and times; what is wrong with one is said, and nothing stays open", async () => {
    await expect(open([{ match: "{job=", retentionMs: 1 }])).rejects.toThrow(ParseError);
    await expect(open([{ match: "up", retentionMs: -1 }])).rejects.toThrow(InvalidArgumentError);
    await expect(open([{ match: "up", retentionMs: Number.NaN }])).rejects.toThrow("the retention of up");
    const db = await open([{ match: '{job="debug"}', retentionMs: day }]);
    const time = clock.now() - 2 * day;
    const { appended, rejected } = await db.append(
      ["debug", "web"].map((job) => ({ labels: { __name__: "up", job }, samples: [{ time, value: 1 }] })),
    );
    expect([appended, rejected.get("too-old")?.count]).toEqual([1, 1]);
    await db.close();
  });
});
