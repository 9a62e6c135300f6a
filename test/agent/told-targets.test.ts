import { describe, expect, it } from "vitest";
import type { AgentTarget } from "../../src/agent/agent-target.js";
import { ToldTargets } from "../../src/agent/told-targets.js";
import { StorageError } from "../../src/model/errors.js";
import type { Journal } from "../../src/model/journal.js";
import { FakeClock } from "../support/fake-clock.js";

const day = 24 * 3_600_000;
const target = (host: string): AgentTarget => ({
  ...{ id: Buffer.from(host.padEnd(8)).toString("hex"), job: "node", url: `http://${host}/`, labels: {} },
});

/** A journal in memory, opened again and again. */
class MemoryJournal implements Journal {
  records: Uint8Array[] = [];
  failure: Error | undefined;

  get sizeBytes(): number {
    return this.records.reduce((sum, { length }) => sum + length, 0);
  }

  async append(record: Uint8Array): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    this.records.push(record);
  }

  async rewrite(records: readonly Uint8Array[]): Promise<void> {
    this.records = [...records];
  }
}

function world() {
  const clock = new FakeClock(1_000_000);
  const journal = new MemoryJournal();
  const events: string[] = [];
  const open = () =>
    ToldTargets.open({
      clock,
      openJournal: async (_name, visit) => {
        for (const record of journal.records) visit(record);
        return journal;
      },
      onEvent: ({ message }) => events.push(message),
    });
  return { clock, journal, events, open };
}

describe("what agents told of", () => {
  it("is kept, the last that each told of", async () => {
    const { open } = world();
    const before = await open();
    before.review(new Set(["a"]));
    before.keep("a", [target("x")]);
    before.keep("a", [target("y")]);
    await before.close();
    const after = await open();
    expect([after.of("a"), after.of("b")]).toEqual([[target("y")], []]);
  });

  it("is forgotten a week after the agent went from the configuration, restarts or not", async () => {
    const { clock, journal, open } = world();
    const before = await open();
    before.review(new Set(["a", "b"]));
    before.keep("a", [target("x")]);
    before.keep("b", [target("y")]);
    before.review(new Set(["b"]));
    clock.advance(6 * day);
    expect(before.of("a")).toEqual([target("x")]);
    await before.close();
    const after = await open();
    after.review(new Set(["b"]));
    expect(after.of("a")).toEqual([target("x")]);
    clock.advance(day);
    expect(after.of("a")).toEqual([]);
    await after.close();
    expect(journal.records.map(String)).toHaveLength(1);
    expect((await open()).of("b")).toEqual([target("y")]);
  });

  it("is there again for an agent that comes back in time, and the week begins anew when it goes again", async () => {
    const { clock, open } = world();
    const told = await open();
    told.review(new Set(["a"]));
    told.keep("a", [target("x")]);
    told.review(new Set());
    clock.advance(6 * day);
    told.review(new Set(["a"]));
    clock.advance(30 * day);
    told.review(new Set());
    clock.advance(6 * day);
    expect(told.of("a")).toEqual([target("x")]);
    clock.advance(day);
    expect(told.of("a")).toEqual([]);
  });

  it("is not kept when the disk takes nothing: that is told, and no more", async () => {
    const { journal, events, open } = world();
    const told = await open();
    journal.failure = new StorageError("no space left");
    told.keep("a", [target("x")]);
    await told.close();
    expect(events).toEqual(['what is known of agent "a" is not kept: no space left']);
    expect(told.of("a")).toEqual([target("x")]);
  });
});
