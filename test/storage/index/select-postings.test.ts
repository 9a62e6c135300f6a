import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Labels } from "../../../src/model/labels.js";
import { Matcher, type MatchOperator } from "../../../src/model/matcher.js";
import type { SeriesRef } from "../../../src/model/series.js";
import { MemoryPostings } from "../../../src/storage/index/memory-postings.js";
import { type PostingsSource, selectPostings } from "../../../src/storage/index/select-postings.js";

const series = [
  Labels.from({ __name__: "up", job: "api", instance: "a:1" }),
  Labels.from({ __name__: "up", job: "api", instance: "b:1" }),
  Labels.from({ __name__: "up", job: "web" }),
  Labels.from({ __name__: "down", job: "web-eu", zone: "é" }),
  Labels.from({ __name__: "down" }),
];

function indexOf(all: readonly Labels[]): MemoryPostings {
  const index = new MemoryPostings((ref) => all[ref - 1]!);
  for (const [i, labels] of all.entries()) index.add((i + 1) as SeriesRef, labels);
  return index;
}

/** The rule itself: every matcher accepts the label's value, absent being the empty string. */
function naive(all: readonly Labels[], matchers: readonly Matcher[]): number[] {
  return all.flatMap((labels, i) => (matchers.every((each) => each.matchesLabels(labels)) ? [i + 1] : []));
}

describe("selectPostings", () => {
  const patterns = [
    "",
    ".*",
    ".+",
    "api",
    "api|",
    "api|web",
    "web.*",
    "web-.+",
    "a:.",
    "(api|web)?",
    "é|none",
    "|",
  ];
  const values = ["", "api", "web", "web-eu", "é", "absent"];
  const matcher = fc
    .oneof(
      fc.tuple(
        fc.constantFrom("job", "zone", "instance", "absent"),
        fc.constantFrom<MatchOperator>("=", "!="),
        fc.constantFrom(...values),
      ),
      fc.tuple(
        fc.constantFrom("job", "zone", "instance", "absent"),
        fc.constantFrom<MatchOperator>("=~", "!~"),
        fc.constantFrom(...patterns),
      ),
    )
    .map(([name, operator, value]) => new Matcher(name, operator, value));

  it("gives what trying every series gives", () => {
    const index = indexOf(series);
    fc.assert(
      fc.property(fc.array(matcher, { maxLength: 4 }), (matchers) => {
        expect([...selectPostings(index, matchers)], matchers.join()).toEqual(naive(series, matchers));
      }),
      { numRuns: 500 },
    );
  });

  it("gives the same where few series are left, and many values", () => {
    const pods = Array.from({ length: 60 }, (_, i) =>
      Labels.from({ job: i % 20 === 0 ? "rare" : "api", ...(i % 3 === 0 ? {} : { pod: `p${i}` }) }),
    );
    const tried: number[] = [];
    const index = new MemoryPostings((ref) => {
      tried.push(ref);
      return pods[ref - 1]!;
    });
    for (const [i, labels] of pods.entries()) index.add((i + 1) as SeriesRef, labels);
    const rare = new Matcher("job", "=", "rare");
    const onPods: [MatchOperator, string][] = [
      ["!=", ""],
      ["=", ""],
      ["=~", "p.*0"],
      ["!~", "p.*0"],
      ["=~", "p[2-4]*|"],
      ["!~", "p[2-4]+|"],
    ];
    for (const [operator, value] of onPods) {
      const matchers = [new Matcher("pod", operator, value), rare];
      expect([...selectPostings(index, matchers)], matchers.join()).toEqual(naive(pods, matchers));
      expect(new Set(tried.splice(0)), matchers.join()).toEqual(new Set([1, 21, 41]));
    }
    expect([...selectPostings(index, [rare, new Matcher("pod", "=", "p20")])]).toEqual([21]);
    expect(tried).toEqual([]);
  });

  it("selects all series without matchers", () => {
    expect([...selectPostings(indexOf(series), [])]).toEqual([1, 2, 3, 4, 5]);
  });

  it("looks listed values up and scans only behind a prefix", () => {
    const index = indexOf(series);
    const scanned: string[] = [];
    const source: PostingsSource = {
      all: () => index.all(),
      postings: (name, value) => index.postings(name, value),
      labelNames: () => index.labelNames(),
      labelValueCount: (name) => index.labelValueCount(name),
      labelValues: (name) => {
        scanned.push(name);
        return index.labelValues(name);
      },
    };
    expect([
      ...selectPostings(source, [new Matcher("job", "=~", "api|web"), new Matcher("zone", "!~", "é|x")]),
    ]).toEqual([1, 2, 3]);
    expect(scanned).toEqual([]);
    expect([...selectPostings(source, [new Matcher("job", "=~", "web-.*")])]).toEqual([4]);
    expect(scanned).toEqual(["job"]);
  });
});

describe("MemoryPostings", () => {
  it("lists names and values in byte order", () => {
    const index = indexOf([
      Labels.from({ a: "\u{1f600}" }),
      Labels.from({ a: "\uffee" }),
      Labels.from({ a: "z", b: "1" }),
    ]);
    expect(index.labelNames()).toEqual(["a", "b"]);
    expect(index.labelValues("a")).toEqual(["z", "\uffee", "\u{1f600}"]);
    expect(index.labelValues("c")).toEqual([]);
  });

  it("keeps lists that were handed out as they were", async () => {
    const index = indexOf(series);
    const [before, all] = [index.postings("job", "web"), index.all()];
    index.add(6 as SeriesRef, Labels.from({ job: "web" }));
    await index.remove([3 as SeriesRef]);
    expect([[...before], [...all]]).toEqual([[3], [1, 2, 3, 4, 5]]);
    expect([...index.postings("job", "web")]).toEqual([6]);
  });

  it("keeps what is added while others are removed", async () => {
    const index = new MemoryPostings();
    const count = 20_000;
    const labelsOf = (i: number) => Labels.from({ job: "all", container: `c${String(i).padStart(5, "0")}` });
    for (let i = 1; i <= count; i++) index.add(i as SeriesRef, labelsOf(i));
    expect(index.labelValues("container").length).toBe(count);
    const removed = index.remove(Array.from({ length: count - 1 }, (_, i) => (i + 1) as SeriesRef));
    await nextTurn();
    const isHalfDone = index.labelValueCount("container") > 1 && index.labelValueCount("container") < count;
    index.add((count + 1) as SeriesRef, labelsOf(1));
    index.add((count + 2) as SeriesRef, labelsOf(count - 1));
    await removed;
    expect(isHalfDone).toBe(true);
    expect(index.labelValues("container")).toEqual(["c00001", `c${count - 1}`, `c${count}`]);
    expect([...index.postings("job", "all")]).toEqual([count, count + 1, count + 2]);
    expect([...index.postings("container", "c00001")]).toEqual([count + 1]);
    expect([...index.postings("container", `c${count - 1}`)]).toEqual([count + 2]);
  });

  it("equals an index built anew after any adds and removals", async () => {
    const labels = fc.record({ a: fc.constantFrom("1", "2"), b: fc.constantFrom("", "1", "2", "3") });
    const command = fc.oneof(
      fc.record({ ref: fc.integer({ min: 1, max: 40 }), labels }),
      fc.record({ gone: fc.array(fc.integer({ min: 1, max: 40 })) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 30 }), async (commands) => {
        const index = new MemoryPostings();
        const model = new Map<number, Labels>();
        for (const command of commands) {
          if ("gone" in command) {
            await index.remove(command.gone as SeriesRef[]);
            for (const ref of command.gone) model.delete(ref);
          } else if (!model.has(command.ref)) {
            model.set(command.ref, Labels.from(command.labels));
            index.add(command.ref as SeriesRef, model.get(command.ref)!);
          }
        }
        const refs = [...model.keys()].sort((x, y) => x - y);
        expect([...index.all()]).toEqual(refs);
        expect(index.size).toBe(refs.length);
        for (const name of ["a", "b"]) {
          const values = new Set(
            [...model.values()].map((each) => each.get(name)).filter((value) => value !== ""),
          );
          expect(index.labelValues(name)).toEqual([...values].sort());
          for (const value of values)
            expect([...index.postings(name, value)]).toEqual(
              refs.filter((ref) => model.get(ref)!.get(name) === value),
            );
        }
      }),
    );
  });
});
