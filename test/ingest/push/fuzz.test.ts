/**
 * A short run of the fuzzing of push protocols, see test/push-fuzz/fuzz.ts. SEED replays one, FUZZ_BODIES makes it
 * longer; scripts/fuzz-push.mjs is for millions.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openDatabase } from "../../../src/database.js";
import { buildApp } from "../../../src/http/app.js";
import { systemClock } from "../../../src/model/clock.js";
import { fuzz } from "../../push-fuzz/fuzz.js";
import { fuzzedProtocols } from "../../push-fuzz/protocols.js";
import { seededRandom } from "../../support/seeded-random.js";

const bodies = Number(process.env.FUZZ_BODIES ?? 2000);
const seed = Number(process.env.SEED ?? 20261120);

it(`push protocols stand ${bodies} mutated bodies (SEED=${seed})`, async () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-push-fuzz-"));
  const database = await openDatabase({ directory, durability: "none" });
  const events: unknown[] = [];
  const app = buildApp({
    database,
    clock: systemClock,
    version: "test",
    onEvent: (event) => events.push(event),
  });
  try {
    const findings: string[] = [];
    const report = await fuzz({
      protocols: await fuzzedProtocols(),
      random: seededRandom(seed),
      bodies,
      app,
      postedShare: 0.2,
      onFinding: ({ protocol, body, problem }) =>
        findings.push(`${protocol}: ${problem}: ${body.toString("latin1")}`),
    });
    expect(findings).toEqual([]);
    expect(events).toEqual([]);
    // What refuses everything would find nothing.
    expect(report.samples).toBeGreaterThan(bodies);
    expect(report.lost).toBeGreaterThan(0);
    expect(report.refused).toBeGreaterThan(0);
    expect([...report.statuses.keys()]).toEqual(expect.arrayContaining([204, 400]));
  } finally {
    await app.close();
    await database.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
