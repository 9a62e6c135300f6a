import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PushOrigin } from "../../../src/ingest/push/push.js";
import { SummingPush } from "../../../src/ingest/sums/summing-push.js";
import { type Increment, Sums } from "../../../src/ingest/sums/sums.js";
import { LimitExceededError, WriteRefusedError } from "../../../src/model/errors.js";
import type { Journal } from "../../../src/model/journal.js";
import { Labels } from "../../../src/model/labels.js";
import { FakeClock } from "../../support/fake-clock.js";
import { RecordingPush } from "../../support/recording-push.js";

/** A journal in memory; `copy` is what a crash would leave. */
class MemoryJournal implements Journal {
  records: Uint8Array[];
  appends = 0;
  rewrites = 0;
  failure: Error | undefined;
  bytesToTell: number | undefined;

  constructor(records: readonly Uint8Array[] = []) {
    this.records = [...records];
  }

  get sizeBytes(): number {
    return this.bytesToTell ?? this.records.reduce((sum, { length }) => sum + length, 0);
  }

  async append(record: Uint8Array): Promise<void> {
    this.appends++;
    if (this.failure !== undefined) throw this.failure;
    this.records.push(record.slice());
  }

  async rewrite(records: readonly Uint8Array[]): Promise<void> {
    this.rewrites++;
    this.records = [...records];
  }
}

const AT = new RecordingPush().arrivalTime;

function open(journal = new MemoryJournal(), clock = new FakeClock(AT)) {
  return Sums.open(async (_name, visit) => {
    for (const record of journal.records) visit(record);
    return journal;
  }, clock);
}

const orders = Labels.from({ __name__: "orders_total", job: "shop" });
const errors = Labels.from({ __name__: "errors_total", job: "shop" });

function of(push: RecordingPush, labels: Labels, amount: number, time?: number): Increment {
  return { series: push.series(labels), amount, time };
}

/** Adds and gives back what was staged. */
async function add(
  sums: Sums,
  amounts: readonly (readonly [Labels, number, number?])[],
  key?: string,
  origin?: PushOrigin,
): Promise<readonly string[]> {
  const push = new RecordingPush(origin === undefined ? {} : { origin });
  const request = key === undefined ? undefined : { key, fingerprint: amounts.length };
  await sums.add(
    push,
    amounts.map(([labels, amount, time]) => of(push, labels, amount, time)),
    request,
  );
  return push.lines;
}

describe("sums", () => {
  it("grow with each addition, at increasing times", async () => {
    const sums = await open();
    expect(await add(sums, [[orders, 2]])).toEqual([`orders_total{job="shop"} 2 @${AT}`]);
    expect(
      await add(sums, [
        [orders, 3],
        [errors, 1],
      ]),
    ).toEqual([`orders_total{job="shop"} 5 @${AT + 1}`, `errors_total{job="shop"} 1 @${AT}`]);
  });

  it("have one sample per series and batch, however many additions it holds", async () => {
    const journal = new MemoryJournal();
    const sums = await open(journal);
    const staged = await Promise.all(
      [1, 2, 3].map((amount) =>
        add(sums, [
          [orders, amount],
          [orders, 10],
        ]),
      ),
    );
    expect(staged.flat()).toEqual(new Array(3).fill(`orders_total{job="shop"} 36 @${AT}`));
    expect(journal.appends).toBe(1);
  });

  it("go on after a crash", async () => {
    const journal = new MemoryJournal();
    await add(await open(journal), [
      [orders, 0.1],
      [errors, 7],
    ]);
    const again = await open(new MemoryJournal(journal.records));
    expect(await add(again, [[orders, 0.2]])).toEqual([`orders_total{job="shop"} ${0.1 + 0.2} @${AT + 1}`]);
  });

  it("count a request once, and stage the sums again for its repetition, also after a crash", async () => {
    const journal = new MemoryJournal();
    const sums = await open(journal);
    const first = await add(sums, [[orders, 2]], "a1");
    expect(await add(sums, [[orders, 2]], "a1")).toEqual(first);
    const [one, two] = await Promise.all([add(sums, [[orders, 5]], "a2"), add(sums, [[orders, 5]], "a2")]);
    expect(one).toEqual(two);
    const again = await open(new MemoryJournal(journal.records));
    expect(await add(again, [[orders, 5]], "a2")).toEqual([`orders_total{job="shop"} 7 @${AT + 1}`]);
    expect(await add(again, [[orders, 5]], "a2", { name: "another" })).toEqual([
      `orders_total{job="shop"} 12 @${AT + 2}`,
    ]);
  });

  it("refuse a key that belongs to another request", async () => {
    const sums = await open();
    await add(sums, [[orders, 2]], "a1");
    await expect(
      add(
        sums,
        [
          [orders, 2],
          [orders, 3],
        ],
        "a1",
      ),
    ).rejects.toThrow(/"a1" belongs to another request/);
  });

  it("take the key alone where the journal has a fingerprint of another version, also after a rewrite", async () => {
    const journal = new MemoryJournal();
    await add(await open(journal), [[orders, 2]], "a1");
    const text = new TextDecoder().decode(journal.records[0]);
    const [[origin, key, , time]] = JSON.parse(text).requests;
    const later = JSON.stringify({ sums: [], requests: [[origin, key, "of another kind", time, 2]] });
    journal.records.push(new TextEncoder().encode(later));
    const sums = await open(journal);
    journal.bytesToTell = 2 ** 40;
    const same = [`orders_total{job="shop"} 2 @${AT}`];
    expect(await add(sums, [[orders, 2]], "a1")).toEqual(same);
    expect(await add(sums, [[orders, 3]], "a1")).toEqual(same);
    await add(sums, [[errors, 1]]);
    expect(journal.rewrites).toBeGreaterThan(0);
    expect(await add(await open(journal), [[orders, 3]], "a1")).toEqual(same);
  });

  it("count an interval once, and none that is not behind what was counted", async () => {
    const sums = await open();
    expect(
      await add(sums, [
        [orders, 2, 1000],
        [orders, 3, 2000],
      ]),
    ).toEqual(['orders_total{job="shop"} 2 @1000', 'orders_total{job="shop"} 5 @2000']);
    expect(
      await add(sums, [
        [orders, 3, 2000],
        [orders, 4, 3000],
      ]),
    ).toEqual(['orders_total{job="shop"} 5 @2000', 'orders_total{job="shop"} 9 @3000']);
  });

  it("count nothing when the journal refuses", async () => {
    const journal = new MemoryJournal();
    const sums = await open(journal);
    await add(sums, [[orders, 1]]);
    journal.failure = new WriteRefusedError("full");
    await expect(add(sums, [[orders, 2]], "k")).rejects.toThrow("full");
    journal.failure = undefined;
    expect(await add(sums, [[orders, 2]], "k")).toEqual([`orders_total{job="shop"} 3 @${AT + 1}`]);
  });

  it("rewrite the journal when it has grown, and lose nothing by it", async () => {
    const journal = new MemoryJournal();
    const sums = await open(journal);
    for (let i = 0; i < 20; i++) await add(sums, [[orders, 1]], `key ${i}`);
    journal.bytesToTell = 10 * 1024 * 1024;
    await add(sums, [[orders, 1]]);
    expect([journal.rewrites, journal.records.length]).toEqual([1, 1]);
    const again = await open(new MemoryJournal(journal.records));
    expect((await add(again, [[orders, 1]], "key 7"))[0]).toMatch(/ 21 @/);
  });

  it("are what was counted, whatever crashes and is repeated in between", async () => {
    const step = fc.record({
      amount: fc.integer({ min: 0, max: 5 }),
      key: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }),
      crash: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const journal = new MemoryJournal();
        let sums = await open(journal);
        let expected = 0;
        const used = new Set<string>();
        for (const { amount, key, crash } of steps) {
          if (crash) sums = await open(journal);
          // The key stands for its amount, as one of an honest sender does.
          const name = key === undefined ? undefined : `${key} ${amount}`;
          if (name === undefined || !used.has(name)) expected += amount;
          if (name !== undefined) used.add(name);
          expect((await add(sums, [[orders, amount]], name))[0]).toMatch(new RegExp(` ${expected} @`));
        }
      }),
    );
  });
});

describe("a push of increments", () => {
  async function summing(key?: string, sums?: Sums) {
    const push = new RecordingPush();
    return { push, target: new SummingPush(push, sums ?? (await open()), key) };
  }

  it("stores what is called a gauge behind its samples, as far behind as it may be", async () => {
    const { push, target } = await summing();
    const series = (name: string) => target.series(Labels.from({ __name__: name }));
    target.append(series("temperature"), undefined, -3);
    target.append(series("orders_total"), undefined, 2);
    target.appendStale(series("temperature"), undefined);
    target.append(series("temperature"), undefined, 21.4);
    target.metadata("temperature", { type: "gauge" });
    await target.commit();
    expect(push.lost).toEqual([]);
    expect(push.lines).toEqual([
      "temperature -3",
      "temperature stale",
      "temperature 21.4",
      `orders_total 2 @${AT}`,
    ]);
  });

  it("adds counters and histograms, stores gauges, and refuses what cannot be added", async () => {
    const { push, target } = await summing();
    target.metadata("temperature", { type: "gauge" });
    const series = (name: string, labels = {}) => target.series(Labels.from({ __name__: name, ...labels }));
    target.append(series("orders_total"), 5, 2);
    target.append(series("latency_bucket", { le: "1.0" }), undefined, 3);
    target.append(series("latency_sum"), undefined, -0.5);
    target.append(series("temperature"), undefined, 21.4);
    target.append(series("orders_total"), undefined, -1);
    target.append(series("orders_total"), undefined, Number.NaN);
    target.append(series("rpc", { quantile: "0.5" }), undefined, 1);
    await target.commit();
    expect(push.lines).toEqual([
      "temperature 21.4",
      `orders_total 2 @${AT}`,
      `latency_bucket{le="1.0"} 3 @${AT}`,
      `latency_sum -0.5 @${AT}`,
    ]);
    expect(push.lost).toEqual([
      "5: orders_total: a counter cannot be increased by -1 (1)",
      "6: orders_total: NaN cannot be added (1)",
      '7: rpc{quantile="0.5"}: quantiles cannot be added; push a histogram (1)',
    ]);
  });

  it("knows a body that is sent again by its key, and another one under the same key", async () => {
    const sums = await open();
    const send = async (amount: number) => {
      const { push, target } = await summing("k", sums);
      target.append(target.series(orders), undefined, amount);
      await target.commit();
      return push.lines[0];
    };
    expect(await send(2)).toMatch(/ 2 @/);
    expect(await send(2)).toMatch(/ 2 @/);
    await expect(send(3)).rejects.toThrow(/belongs to another request/);
  });

  it("tells of each sample before it holds it", async () => {
    let room = 2;
    const onHeld = () => {
      if (room-- === 0) throw new LimitExceededError("no room");
    };
    const target = new SummingPush(new RecordingPush(), await open(), undefined, onHeld);
    const series = target.series(orders);
    for (const _ of [1, 2]) target.append(series, undefined, 1);
    expect(() => target.append(series, undefined, 1)).toThrow("no room");
  });

  it("is added as a whole or not at all", async () => {
    const push = new RecordingPush({ limits: { transactionSamplesMax: 2 } });
    const target = new SummingPush(push, await open());
    const series = target.series(orders);
    target.append(series, undefined, 1);
    target.append(series, undefined, 1);
    expect(() => target.append(series, undefined, 1)).toThrow(/more than 2 increments/);
  });
});
