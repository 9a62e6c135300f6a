import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DueQueue, type Scheduled } from "../../../src/ingest/source/due-queue.js";

interface Item extends Scheduled {
  readonly name: number;
  due: number;
}

describe("DueQueue", () => {
  it("gives what is due, the earliest first, each once", () => {
    const command = fc.record({ name: fc.nat(9), due: fc.nat(100), takeAt: fc.option(fc.nat(100)) });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const queue = new DueQueue<Item>();
        const items = Array.from(
          { length: 10 },
          (_, name): Item => ({ name, due: Infinity, scheduledAt: undefined }),
        );
        for (const { name, due, takeAt } of commands) {
          const item = items[name]!;
          // Of several times the earliest counts.
          item.due = Math.min(item.due, due);
          queue.schedule(item, due);
          if (takeAt === null) continue;
          const expected = items.filter((one) => one.due <= takeAt).sort((a, b) => a.due - b.due);
          const taken: Item[] = [];
          for (let one = queue.take(takeAt); one !== undefined; one = queue.take(takeAt)) taken.push(one);
          expect(taken.map((one) => one.due)).toEqual(expected.map((one) => one.due));
          expect(new Set(taken)).toEqual(new Set(expected));
          for (const one of taken) one.due = Infinity;
        }
      }),
    );
  });
});
