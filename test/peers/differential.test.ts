/**
 * A short run of the differential fuzzer: random expressions, ours beside a real Prometheus. The long run is
 * `node scripts/differential-fuzz.mjs`; SEED=n replays.
 */

import { describe, expect, it } from "vitest";
import { fuzz } from "../differential/fuzz.js";
import { findPeer, isPeerMissing } from "../support/peers.js";

const seed = Number(process.env.SEED ?? 1);
const expressions = Number(process.env.EXPRESSIONS ?? 2000);

describe.skipIf(isPeerMissing("prometheus"))("a real Prometheus", () => {
  it(`answers ${expressions} random expressions as we do (SEED=${seed})`, async () => {
    const differences: string[] = [];
    const report = await fuzz({
      prometheus: findPeer("prometheus")!,
      expressions,
      seed,
      differencesMax: 5,
      onDifference: ({ query, difference }) => {
        const { expression, start, end, stepMs } = query;
        differences.push(`${expression} from ${start} to ${end} by ${stepMs}: ${difference}`);
      },
    });
    expect(differences).toEqual([]);
    expect(report.nonEmpty).toBeGreaterThan(expressions / 2);
    expect(report.undetermined).toBeLessThan(expressions / 100);
  });
});
