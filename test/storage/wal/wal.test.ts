import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { expect, it } from "vitest";
import { systemClock } from "../../../src/model/clock.js";
import { nodeFileSystem } from "../../../src/storage/fs/node-file-system.js";
import { Wal } from "../../../src/storage/wal/wal.js";
import { replayWal } from "../../../src/storage/wal/replay-wal.js";

it("smoke", async () => {
  const dir = await mkdtemp(`${tmpdir()}/wal-`);
  const directory = `${dir}/wal`;
  const options = { fileSystem: nodeFileSystem, directory, durability: "commit", durabilityIntervalMs: 100, clock: systemClock } as const;
  for (let round = 0; round < 2; round++) {
    const wal = await Wal.open(options, 1);
    await Promise.all(Array.from({ length: 100 }, (_, i) => wal.append(Buffer.from(`r${i}`))));
    await wal.rotate();
    await wal.append(Buffer.from("x"));
    await wal.close();
  }
  const seen: string[] = [];
  const summary = await replayWal(nodeFileSystem, directory, (p) => seen.push(Buffer.from(p).toString()));
  expect(seen.length).toBe(202);
  expect(summary.corruptions).toEqual([]);
  expect(summary.lastSegment).toBe(4);
  await rm(dir, { recursive: true });
});
