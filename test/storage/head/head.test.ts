import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Appender } from "../../../src/model/appendable.js";
import { Labels } from "../../../src/model/labels.js";
import { Matcher } from "../../../src/model/matcher.js";
import { NO_SERIES } from "../../../src/model/series.js";
import { Head } from "../../../src/storage/head/head.js";
import { HeadAppender } from "../../../src/storage/head/head-appender.js";

const labelsOf = (i: number) => Labels.from({ __name__: "x", i: String(i) });
const appenderOf = (head: Head): Appender => new HeadAppender(head, () => Promise.resolve());

async function commitSample(head: Head, labels: Labels, time: number, value = 1): Promise<void> {
  const transaction = appenderOf(head);
  transaction.append(NO_SERIES, labels, time, value);
  await transaction.commit();
}

async function dropBelow(head: Head, end: number): Promise<void> {
  const { samples } = head;
  const count = () => [...head.series].reduce((sum, slot) => sum + samples.sampleCountOf(slot), 0);
  const before = count();
  for (const slot of head.series) samples.dropTaken(slot, samples.takeBelow(slot, end));
  await head.countOut(before - count());
}

describe("Head", () => {
  it("knows its range and count", async () => {
    const head = new Head();
    expect(head.range).toBeUndefined();
    for (const [i, time] of [50, -20, 30].entries()) await commitSample(head, labelsOf(i), time);
    expect(head.range).toEqual({ minTime: -20, maxTime: 50 });
    expect(head.sampleCount).toBe(3);
    await dropBelow(head, 40);
    expect(head.range).toEqual({ minTime: 50, maxTime: 50 });
    expect(head.sampleCount).toBe(1);
    await dropBelow(head, 100);
    expect(head.range).toBeUndefined();
  });

  it("selects visible series only", async () => {
    const head = new Head();
    await commitSample(head, labelsOf(1), 1);
    await commitSample(head, labelsOf(2), 1);
    const staged = appenderOf(head);
    staged.append(NO_SERIES, labelsOf(3), 1, 1);
    const select = (matcher: Matcher) =>
      head.select([matcher]).map((slot) => head.series.labelsOf(slot).get("i"));
    expect(select(new Matcher("i", "=~", "2|3"))).toEqual(["2"]);
    expect(select(new Matcher("__name__", "=", "x"))).toEqual(["1", "2"]);
    expect(select(new Matcher("i", "=", ""))).toEqual([]);
  });

  it("applies in log order, also behind a commit that was refused at once", async () => {
    const head = new Head();
    const applied: string[] = [];
    let log: () => void = () => {};
    const logged = new Promise<void>((resolve) => {
      log = resolve;
    });
    const commits = ["a", "b", "c"].map((name) => head.applyInOrder(logged, () => applied.push(name)));
    const refused = head.applyInOrder(Promise.reject(new Error("refused")), () => applied.push("refused"));
    await expect(refused).rejects.toThrow("refused");
    commits.push(head.applyInOrder(logged, () => applied.push("d")));
    const settled = head.settled().then(() => applied.length);
    log();
    await Promise.all(commits);
    expect(applied).toEqual(["a", "b", "c", "d"]);
    expect(await settled).toBe(4);
  });

  it("ends series that are empty, not staged, and not named in this generation", async () => {
    const head = new Head();
    for (let i = 0; i < 4; i++) await commitSample(head, labelsOf(i), i);
    appenderOf(head).append(NO_SERIES, labelsOf(4), 1, 1);
    const rolledBack = appenderOf(head);
    rolledBack.append(NO_SERIES, labelsOf(5), 1, 1);
    rolledBack.rollback();
    const open = appenderOf(head);
    const oldRef = open.append(NO_SERIES, labelsOf(1), 100, 1);

    head.beginGeneration();
    await commitSample(head, labelsOf(2), 2, 7);
    await dropBelow(head, 3);
    expect(await head.endIdleSeries()).toBe(2);
    const kept = [...head.series].map((slot) => head.series.labelsOf(slot).get("i"));
    expect(kept).toEqual(["1", "2", "3", "4"]);

    await open.commit();
    expect(head.samples.sampleCountOf(head.series.slotOf(oldRef))).toBe(1);
  });

  it("counts what is applied while it finds out what is left", async () => {
    const head = new Head();
    for (let i = 0; i < 5000; i++) await commitSample(head, labelsOf(i), 100 + i);
    const dropped = dropBelow(head, 200);
    const applied = [nextTurn(), nextTurn().then(nextTurn)].map((turn, i) =>
      turn.then(async () => {
        await commitSample(head, labelsOf(0), 150 + i);
        await commitSample(head, labelsOf(4999 - i), 9000 + i);
      }),
    );
    await Promise.all([dropped, ...applied]);
    expect(head.range).toEqual({ minTime: 150, maxTime: 9001 });
    expect(head.sampleCount).toBe(4904);
  });

  it("ends no series that is found again while others end", async () => {
    const head = new Head();
    const count = 5000;
    for (let i = 0; i < count; i++) await commitSample(head, labelsOf(i), 1);
    await dropBelow(head, 10);
    head.beginGeneration();
    const ending = head.endIdleSeries();
    await nextTurn();
    const [first, last] = [labelsOf(0), labelsOf(count - 1)];
    const oldRef = head.series.refOf(head.series.find(last));
    for (const labels of [first, last]) await commitSample(head, labels, 20);
    const find = (labels: Labels) => head.select([new Matcher("i", "=", labels.get("i"))]);
    expect([first, last].map((labels) => find(labels).length)).toEqual([1, 1]);
    expect(await ending).toBe(count - 1);
    expect([...head.series].length).toBe(2);
    expect([...head.postings.all()]).toEqual([oldRef, count + 1]);
    expect([first, last].map((labels) => find(labels).length)).toEqual([1, 1]);
    expect(head.postings.labelValues("i")).toEqual(["0", String(count - 1)]);
  });

  it("gives a series that ended and came back a new ref, and finds it by the old one's labels", async () => {
    const head = new Head();
    const first = appenderOf(head);
    const ref = first.append(NO_SERIES, labelsOf(1), 1, 1);
    await first.commit();
    await dropBelow(head, 10);
    head.beginGeneration();
    await head.endIdleSeries();
    await commitSample(head, labelsOf(2), 20);
    const second = appenderOf(head);
    const newRef = second.append(ref, labelsOf(1), 30, 3);
    await second.commit();
    expect(newRef).not.toBe(ref);
    expect(head.select([new Matcher("i", "=", "1")]).map((slot) => head.series.refOf(slot))).toEqual([
      newRef,
    ]);
  });
});
