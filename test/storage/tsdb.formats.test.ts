/**
 * Data directories that earlier versions wrote, and this one must read: test/fixtures/data-v*. See make-data.mjs there.
 */

import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../../src/index.js";
import { checkDirectory } from "../../src/storage/tsdb/check-directory.js";
import { FakeClock } from "../support/fake-clock.js";

const fixtures = join(dirname(fileURLToPath(import.meta.url)), "../fixtures");
const versions = readdirSync(fixtures).filter((name) => /^data-v\d+$/.test(name));

async function contentOf(database: Database): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of database.export({ format: "jsonl" })) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe.each(versions)("%s", (version) => {
  it("opens with everything that was in it, and keeps it through a cut, a cleaning and a restart", async () => {
    const directory = join(mkdtempSync(join(tmpdir(), "narthex-formats-")), "data");
    cpSync(join(fixtures, version), directory, { recursive: true });
    const expected = readFileSync(join(fixtures, `${version}.jsonl`), "utf8");
    expect(expected.length).toBeGreaterThan(1000);
    const found = await checkDirectory({ directory });
    expect([...found.wal.problems, ...found.blocks.flatMap(({ problems }) => problems)]).toEqual([]);
    const clock = new FakeClock(Date.UTC(2026, 0, 6));
    let database = await openDatabase({ directory, clock });
    expect(database.describe().losses).toEqual([]);
    expect(await contentOf(database)).toBe(expected);
    await database.append([
      { labels: { __name__: "new" }, samples: [{ time: "2026-01-05T12:00:00Z", value: 1 }] },
    ]);
    await database.runMaintenance();
    await database.clean();
    await database.close();
    database = await openDatabase({ directory, clock });
    const withoutNew = (await contentOf(database)).replace(/^.*"__name__":"new".*\n/m, "");
    expect(withoutNew).toBe(expected);
    await database.close();
    rmSync(dirname(directory), { recursive: true });
  });

  it("has the parts that it is kept for", () => {
    const names = readdirSync(join(fixtures, version));
    expect(names.filter((name) => /^[0-9A-Z]{26}$/.test(name)).length).toBeGreaterThan(2);
    const log = readdirSync(join(fixtures, version, "wal"));
    expect(log.some((name) => name.startsWith("checkpoint."))).toBe(true);
    expect(log.some((name) => /^\d{8}$/.test(name))).toBe(true);
    expect(existsSync(join(fixtures, version, "lock"))).toBe(false);
  });
});
