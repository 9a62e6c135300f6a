/**
 * A queue under random commands, with disks that fill up, kills and power losses: for each address, what was delivered is
 * in order, and everything is delivered, counted as dropped for one reason, or still waiting.
 */

import fc from "fast-check";
import { expect, it } from "vitest";
import { PushQueue } from "../../../src/client/queue/push-queue.js";
import { QueueDirectory } from "../../../src/client/queue/queue-directory.js";
import { decodeSnappy, encodeSnappy } from "../../../src/kernels/snappy.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemFileSystem } from "../../support/mem-file-system.js";
import { seededRandom } from "../../support/seeded-random.js";

const addresses = ["a", "b"];
const limits = { sizeMaxBytes: 65_536, memoryMaxBytes: 65_536, ageMaxMs: 600_000 };
const anyAddress = fc.nat(addresses.length - 1);

type Command =
  | readonly ["push", number]
  | readonly ["take", number]
  | readonly ["commit" | "refuse" | "release", number]
  | readonly ["advance", number]
  | readonly ["fill" | "heal" | "flush" | "kill", number];

const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  { arbitrary: fc.tuple(fc.constant("push" as const), fc.integer({ min: 1, max: 9000 })), weight: 12 },
  { arbitrary: fc.tuple(fc.constant("take" as const), anyAddress), weight: 6 },
  { arbitrary: fc.tuple(fc.constantFrom("commit", "commit", "refuse", "release"), anyAddress), weight: 6 },
  { arbitrary: fc.tuple(fc.constant("advance" as const), fc.integer({ min: 1, max: 200_000 })), weight: 2 },
  { arbitrary: fc.tuple(fc.constantFrom("fill", "heal", "flush", "kill"), fc.nat(6)), weight: 2 },
);

/** Once, the next process took such a segment for an empty queue, and gave a sequence twice. */
const tornSegmentWithoutRecords: Command[] = [
  ["push", 1],
  ["fill", 3],
  ["push", 8098],
  ["kill", 0],
  ["push", 1],
];

/** One run of a process: its queue, and what it has handed out. */
class Run {
  readonly queue: PushQueue;
  readonly delivered = addresses.map((): number[] => []);
  readonly inFlight: (number[] | undefined)[] = addresses.map(() => undefined);
  /** Records that it found, by address, and that were pushed since. */
  readonly found: number[];
  pushed = 0;

  constructor(queue: PushQueue) {
    this.queue = queue;
    this.found = queue.cursors.map(({ waiting }) => waiting.samples);
  }

  static async open(fileSystem: MemFileSystem, clock: FakeClock): Promise<Run> {
    await fileSystem.remove("queue/lock");
    const directory = await QueueDirectory.open(fileSystem, "queue", () => {});
    const parts = { limits, clock, directory, onTrouble: () => {}, onRecord: () => {} };
    return new Run(new PushQueue(addresses, parts));
  }

  check(): void {
    expect(this.queue.sizeBytes).toBeLessThanOrEqual(limits.sizeMaxBytes);
    for (const [i, { delivered, dropped, waiting }] of this.queue.cursors.entries()) {
      const { overflow, expired, refused, damaged } = dropped;
      expect(damaged).toBe(0);
      expect(delivered).toBe(this.delivered[i]!.length);
      if (this.inFlight[i] !== undefined) continue;
      expect(delivered + overflow + expired + refused + waiting.samples).toBe(this.found[i]! + this.pushed);
    }
  }
}

/** What Snappy cannot make smaller. */
function noise(sizeBytes: number): string {
  const random = seededRandom(sizeBytes);
  return String.fromCharCode(...Array.from({ length: sizeBytes }, () => 33 + Math.floor(random() * 90)));
}

it("delivers in order, and counts each record once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyCommand, { maxLength: 80 }), async (commands) => {
      const clock = new FakeClock(1_000_000);
      let fileSystem = new MemFileSystem();
      let run = await Run.open(fileSystem, clock);
      let next = 0;
      for (const [kind, argument] of commands) {
        const cursor = run.queue.cursors[argument % addresses.length]!;
        const flight = run.inFlight[argument % addresses.length];
        switch (kind) {
          case "push": {
            const text = `${next++};${noise(argument)}|`;
            await run.queue.push({
              payload: encodeSnappy(Buffer.from(text)),
              samples: 1,
              queuedAt: clock.now(),
            });
            run.pushed++;
            break;
          }
          case "take": {
            if (flight !== undefined) break;
            const request = await cursor.take(12_000);
            if (request === undefined) break;
            const parts = Buffer.from(decodeSnappy(request.body, 2 ** 20))
              .toString()
              .split("|")
              .slice(0, -1);
            run.inFlight[argument] = parts.map((part) => Number.parseInt(part, 10));
            break;
          }
          case "commit":
          case "refuse":
          case "release":
            if (flight === undefined) break;
            cursor[kind]();
            if (kind === "commit") run.delivered[argument]!.push(...flight);
            run.inFlight[argument] = undefined;
            break;
          case "advance":
            clock.advance(argument);
            break;
          case "fill":
            fileSystem.failAfter(argument, "ENOSPC");
            break;
          case "heal":
            fileSystem.heal();
            break;
          case "flush":
            await run.queue.flush();
            break;
          case "kill": {
            await run.queue.flush();
            const isOnDisk = run.queue.isOnDisk;
            const waiting = run.queue.cursors.map((one) => one.waiting.samples);
            fileSystem = fileSystem.kill();
            const before = run;
            run = await Run.open(fileSystem, clock);
            for (const [i, found] of run.found.entries())
              if (isOnDisk && before.inFlight[i] === undefined)
                expect(found).toBeGreaterThanOrEqual(waiting[i]!);
          }
        }
        run.check();
        for (const delivered of run.delivered)
          expect(delivered).toEqual([...new Set(delivered)].sort((a, b) => a - b));
      }
    }),
    { numRuns: 150, examples: [[tornSegmentWithoutRecords]] },
  );
});
