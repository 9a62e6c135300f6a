import { describe, expect, it } from "vitest";
import { sortInTurns } from "../../../src/storage/index/sort-in-turns.js";
import { SeededRandom } from "../../simulation/random.js";

describe("sortInTurns", () => {
  it.each([0, 1, 2047, 2048, 2049, 10_000, 70_001])(
    "sorts %i numbers, equal ones in their order",
    async (length) => {
      const random = new SeededRandom(length);
      const keys = Array.from({ length }, () => random.below(1 + length / 3));
      const numbers = Uint32Array.from(keys.keys());
      const sorted = await sortInTurns(numbers, (a, b) => keys[a]! - keys[b]!);
      expect([...sorted]).toEqual([...keys.keys()].sort((a, b) => keys[a]! - keys[b]! || a - b));
    },
  );

  it("gives way to others", async () => {
    let turns = 0;
    let isDone = false;
    const count = () => {
      turns++;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    await sortInTurns(
      Uint32Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 100_003),
      (a, b) => a - b,
    );
    isDone = true;
    expect(turns).toBeGreaterThan(20);
  });
});
