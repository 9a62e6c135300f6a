/**
 * Random and mutated pages, scraped by us and by a real Prometheus: the same samples, or an error in both. The long run is
 * `node scripts/scrape-exposition.mjs`; SEED=n replays.
 */

import { describe, expect, it } from "vitest";
import { fuzzExposition } from "../scrape-peers/exposition-fuzz.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { builtCli } from "../support/processes.js";

const seed = Number(process.env.SEED ?? 1);

describe.skipIf(isPeerMissing("prometheus"))("a real Prometheus", () => {
  it(`reads random pages as we do (SEED=${seed})`, async () => {
    const differences: string[] = [];
    const report = await fuzzExposition({
      prometheus: findPeer("prometheus")!,
      narthex: builtCli,
      ...{ seed, targets: 40, pagesPerTarget: 8, intervalMs: 1500, withFixed: true, shrunkMax: 5 },
      onDifference: ({ pages, differences: found }) => {
        const served = pages.map(({ kind, bytes }) => `${kind} ${JSON.stringify(bytes.toString("latin1"))}`);
        differences.push([...served, ...found].join("\n"));
      },
    });
    expect(differences).toEqual([]);
    expect(report.pages).toBeGreaterThan(600);
    // A machine that is too slow for a scrape within a second and a half tells nothing about that target.
    expect(report.spoiltTargets).toBeLessThan(report.targets);
  });
});
