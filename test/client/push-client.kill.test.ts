/**
 * The built client in a process that is killed again and again, while its receiver comes and goes: what `flush` has
 * confirmed arrives.
 */

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, expect, it } from "vitest";
import { openPushClient } from "../../src/client/index.js";
import { FakeClock } from "../support/fake-clock.js";
import { NarthexReceiver } from "../support/narthex-receiver.js";
import { seededRandom } from "../support/seeded-random.js";

const root = mkdtempSync(join(tmpdir(), "narthex-client-kill-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const built = join(dirname(fileURLToPath(import.meta.url)), "../../dist/client/index.js");

/** Appends 0, 1, 2 ... at these times of a round, and says after each flush how far it has got. */
const program = `
const [url, directory, start] = process.argv.slice(1);
const { openPushClient } = await import(${JSON.stringify(pathToFileURL(built).href)});
const client = await openPushClient({
  url, queue: { directory }, batch: { samplesMax: 7 }, retry: { delayMinMs: 5, delayMaxMs: 20 },
});
const ticks = client.series({ __name__: "ticks" });
for (let i = 0; ; i++) {
  ticks.append(i, Number(start) + i);
  if (i % 40 !== 39) continue;
  const { isDurable } = await client.flush();
  if (isDurable) console.log(i);
}
`;

/** Kills the process once it has confirmed so many flushes; the last value that it confirmed. */
async function runAndKill(args: readonly string[], flushes: number): Promise<number> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", program, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let confirmed = -1;
  let lines = 0;
  createInterface({ input: child.stdout }).on("line", (line) => {
    confirmed = Number(line);
    if (++lines === flushes) child.kill("SIGKILL");
  });
  await new Promise((resolve) => child.once("close", resolve));
  return confirmed;
}

it("loses nothing that was flushed when its process is killed", async () => {
  const clock = new FakeClock(Date.parse("2026-06-01T00:00:00Z"));
  const receiver = await NarthexReceiver.open(join(root, "database"), clock);
  const { url } = receiver;
  const directory = join(root, "queue");
  const random = seededRandom(5);
  const confirmed: number[] = [];
  for (let round = 0; round < 6; round++) {
    const start = clock.now() - 3_600_000 + round * 100_000;
    const killed = runAndKill([url, directory, String(start)], 3 + Math.floor(random() * 40));
    if (round % 2 === 1) await receiver.stop();
    confirmed.push(await killed);
    if (round % 2 === 1) await receiver.restart();
  }
  expect(Math.min(...confirmed)).toBeGreaterThan(0);
  const client = await openPushClient({ url, queue: { directory } });
  await client.close({ timeoutMs: 200_000 });
  expect(client.status().addresses[0]).toMatchObject({
    waiting: { samples: 0 },
    dropped: { overflow: 0, refused: 0, damaged: 0 },
  });
  const [samples = []] = Object.values(await receiver.samples("ticks"));
  const found = new Map(samples);
  for (const [round, last] of confirmed.entries()) {
    const start = clock.now() - 3_600_000 + round * 100_000;
    for (let i = 0; i <= last; i++) expect(found.get(start + i)).toBe(i);
  }
  await receiver.close();
});
