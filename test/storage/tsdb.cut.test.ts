/**
 * A cut of what a checkpoint holds, with nothing logged since: its checkpoint must not be taken for the old one.
 */

import { describe, expect, it } from "vitest";
import type { TsdbOptions } from "../../src/storage/tsdb/tsdb-options.js";
import { openTsdb, type Tsdb } from "../../src/storage/tsdb.js";
import { commitTo, type Ledger, observe, type SimulatedSample } from "../simulation/ledger.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemFileSystem } from "../support/mem-file-system.js";

const blockDurationMs = 10_000;
const begin = 1_000_000;

/** Three windows, of which the first two are complete. */
const samples: readonly SimulatedSample[] = [0, 1, 2].flatMap((window) =>
  [1, 2, 3].map((i) => ({ series: "a", time: begin + window * blockDurationMs + i * 2_000, value: i })),
);

let processCount = 0;

/** In a process of its own: those before it are dead. */
function open(fileSystem: MemFileSystem, options: Partial<TsdbOptions> = {}): Promise<Tsdb> {
  const clock = new FakeClock(begin + 3 * blockDurationMs);
  const ownPid = ++processCount;
  const startTimeOf = (pid: number) => (pid === ownPid ? "now" : undefined);
  const processes = { ownPid, hostName: "here", startTimeOf };
  return openTsdb({ directory: "data", fileSystem, clock, blockDurationMs, processes, ...options });
}

/** What a killed process leaves after that many operations of a cut whose samples all come from a checkpoint. */
async function killedInCut(operations: number): Promise<MemFileSystem | undefined> {
  const fileSystem = new MemFileSystem();
  const first = await open(fileSystem);
  await commitTo(first.appender(), samples);
  await first.close();
  const second = await open(fileSystem);
  const killedAt = fileSystem.operations + operations;
  let killed: MemFileSystem | undefined;
  fileSystem.onOperation = ({ index }) => {
    if (index === killedAt) killed = fileSystem.kill();
  };
  await second.runMaintenance();
  fileSystem.onOperation = undefined;
  await second.close();
  return killed;
}

describe("a cut of what a checkpoint holds", () => {
  it("is found once, whenever the process is killed; what is dropped later never comes back", async () => {
    const now = begin + 4 * blockDurationMs;
    const left = ledgerOf(samples.filter(({ time }) => time >= begin + blockDurationMs));
    let drops = 0;
    for (let operations = 1; ; operations++) {
      const fileSystem = await killedInCut(operations);
      if (fileSystem === undefined) break;
      const tsdb = await open(fileSystem, { clock: new FakeClock(now), retentionMs: 3 * blockDurationMs });
      expect(await observe(tsdb)).toEqual(ledgerOf(samples));
      const blocksBefore = tsdb.describe().blocks.length;
      await tsdb.runMaintenance();
      if (tsdb.describe().blocks.length < blocksBefore) {
        drops++;
        const restarted = await open(fileSystem.kill());
        expect(await observe(restarted), `killed at operation ${operations}`).toEqual(left);
        await restarted.close();
      }
      await tsdb.close();
    }
    expect(drops).toBeGreaterThan(3);
  });
});

function ledgerOf(expected: readonly SimulatedSample[]): Ledger {
  return new Map(expected.map(({ series, time, value }) => [`${series}@${time}`, String(value)]));
}
