import { describe, expect, it } from "vitest";
import type { PushSeries } from "../../../src/ingest/push/push.js";
import { SeriesList } from "../../../src/ingest/push/series-list.js";
import { Labels } from "../../../src/model/labels.js";

function named(name: string): PushSeries {
  return { labels: Labels.from({ __name__: name }), refusal: undefined };
}

describe("SeriesList", () => {
  it("gives free numbers again, and counts how often each was given", () => {
    const [a, b, c, d] = [named("a"), named("b"), named("c"), named("d")];
    const list = new SeriesList([a]);
    expect(list.add(b)).toBe(1);
    list.release(0);
    expect(list.at(0)).toBe(a);
    expect(list.add(c)).toBe(0);
    expect(list.append(d)).toBe(2);
    expect([list.at(0), list.at(1), list.at(2), list.length]).toEqual([c, b, d, 3]);
    expect([...list.turns.subarray(0, 4)]).toEqual([2, 1, 1, 0]);
  });

  it("appends behind all others also when numbers are free", () => {
    const list = new SeriesList([named("a"), named("b")]);
    list.release(0);
    expect(list.append(named("c"))).toBe(2);
    expect(list.add(named("d"))).toBe(0);
  });

  it("has a copy that does not change with it", () => {
    const list = new SeriesList([named("a")]);
    const copy = list.copy();
    list.release(0);
    list.add(named("b"));
    list.add(named("c"));
    expect(copy.length).toBe(1);
    expect(copy.at(0).labels.get("__name__")).toBe("a");
    expect(copy.turns[0]).toBe(1);
  });

  it("keeps turns as it grows", () => {
    const list = new SeriesList([named("a")]);
    for (let i = 0; i < 20; i++) {
      list.release(0);
      list.add(named("b"));
    }
    for (let i = 1; i < 1000; i++) expect(list.add(named("c"))).toBe(i);
    expect(list.turns[0]).toBe(21);
    expect(list.turns[999]).toBe(1);
  });
});
