import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type GroupChange, type HeldFamily, inGroup } from "../../../src/ingest/pushgateway/group.js";
import { decodeChanges, encodeChanges, encodeGroups } from "../../../src/ingest/pushgateway/group-record.js";
import { GroupTable } from "../../../src/ingest/pushgateway/group-table.js";
import type { GroupingKey } from "../../../src/ingest/pushgateway/grouping-path.js";
import {
  type FamilyType,
  type MetricFamily,
  samplesOf,
} from "../../../src/ingest/pushgateway/metric-family.js";
import { CorruptionError } from "../../../src/model/errors.js";
import { Labels } from "../../../src/model/labels.js";

function held(
  name: string,
  type: FamilyType,
  grouping: GroupingKey,
  own: Record<string, string> = {},
): HeldFamily {
  const labels = inGroup(Labels.from(own), grouping);
  const metric =
    type === "histogram" || type === "summary"
      ? ({
          kind: "distribution",
          labels,
          time: undefined,
          points: [[0.5, Number.NaN]],
          sum: -0,
          count: 2,
        } as const)
      : ({ kind: "simple", labels, time: undefined, value: Infinity } as const);
  const family: MetricFamily = { name, type, help: "What it is.", metrics: [metric] };
  return { family, time: 1000, stored: samplesOf(family).map((sample) => sample.labels) };
}

type Spec = readonly [name: string, type: FamilyType, own?: Record<string, string>];

function change(
  group: Record<string, string>,
  families: readonly Spec[] | "gone",
  replaces = true,
): GroupChange {
  const labels = new Map(Object.entries(group));
  const expiresAt = Infinity;
  if (families === "gone") return { labels, families: undefined, replaces: false, expiresAt };
  const added = families.map(([name, type, own]) => [name, held(name, type, labels, own)] as const);
  return { labels, families: new Map(added), replaces, expiresAt };
}

describe("groups agree", () => {
  const cases: readonly [
    what: string,
    before: GroupChange[],
    after: GroupChange,
    problem: RegExp | undefined,
  ][] = [
    [
      "same type",
      [change({ job: "a" }, [["m", "gauge"]])],
      change({ job: "b" }, [["m", "gauge"]]),
      undefined,
    ],
    [
      "another type",
      [change({ job: "a" }, [["m", "gauge"]])],
      change({ job: "b" }, [["m", "counter"]]),
      /is a COUNTER, and is not a GAUGE/,
    ],
    [
      "another type in place of it",
      [change({ job: "a" }, [["m", "gauge"]])],
      change({ job: "a" }, [["m", "counter"]]),
      undefined,
    ],
    [
      "another type when others still have it",
      [change({ job: "a" }, [["m", "gauge"]]), change({ job: "b" }, [["m", "gauge"]])],
      change({ job: "a" }, [["m", "counter"]]),
      /is not a GAUGE/,
    ],
    [
      "the same series in another group",
      [change({ job: "a" }, [["m", "gauge", { x: "1" }]])],
      change({ job: "a", x: "1" }, [["m", "gauge"]]),
      /collected before with the same name/,
    ],
    [
      "an empty label is none",
      [change({ job: "a" }, [["m", "gauge"]])],
      change({ job: "a", x: "" }, [["m", "gauge"]]),
      /collected before/,
    ],
    [
      "beside a histogram",
      [change({ job: "a" }, [["m", "histogram"]])],
      change({ job: "b" }, [["m_bucket", "gauge"]]),
      /"m_bucket" collides with the histogram named "m"/,
    ],
    [
      "beside a summary, which has no buckets",
      [change({ job: "a" }, [["m", "summary"]])],
      change({ job: "b" }, [["m_bucket", "gauge"]]),
      undefined,
    ],
    [
      "a histogram beside it",
      [change({ job: "a" }, [["m_count", "gauge"]])],
      change({ job: "b" }, [["m", "histogram"]]),
      /collides with the metric named "m_count"/,
    ],
    [
      "in one body",
      [],
      change({ job: "b" }, [
        ["m_count", "gauge"],
        ["m", "histogram"],
      ]),
      /collides/,
    ],
    [
      "a histogram in place of what was beside it",
      [change({ job: "a" }, [["m_count", "gauge"]])],
      change({ job: "a" }, [["m", "histogram"]]),
      undefined,
    ],
    [
      "a histogram added to what is beside it",
      [change({ job: "a" }, [["m_count", "gauge"]])],
      change({ job: "a" }, [["m", "histogram"]], false),
      /collides/,
    ],
  ];
  it.each(cases)("%s", (_, before, after, problem) => {
    const table = new GroupTable();
    for (const one of before) {
      expect(table.inconsistency(one)).toBeUndefined();
      table.apply(one);
    }
    if (problem === undefined) expect(table.inconsistency(after)).toBeUndefined();
    else expect(table.inconsistency(after)).toMatch(problem);
  });
});

it("groups of different jobs need not agree where jobs are configured", () => {
  const table = new GroupTable();
  table.apply(change({ job: "a" }, [["m", "gauge"]]));
  const other = change({ job: "b" }, [["m", "counter"]]);
  expect(table.inconsistency(other, "of-job")).toBeUndefined();
  table.apply(other);
  expect(table.inconsistency(change({ job: "b", x: "1" }, [["m", "gauge"]]), "of-job")).toMatch(
    /not a COUNTER/,
  );
  // Without configuration from now on.
  expect(table.inconsistency(change({ job: "c" }, [["m", "counter"]]))).toMatch(/not a GAUGE/);
});

const changes: fc.Arbitrary<GroupChange> = fc
  .record({
    group: fc.constantFrom<Record<string, string>>(
      { job: "a" },
      { job: "b" },
      { job: "a", x: "" },
      { job: "a", x: "1" },
    ),
    families: fc.option(
      fc.uniqueArray(
        fc.tuple(
          fc.constantFrom("m", "n", "m_count", "push_time_seconds"),
          fc.constantFrom<FamilyType>("gauge", "counter", "histogram"),
          fc.constantFrom<Record<string, string>>({}, { x: "1" }, { k: 'quo"te' }),
        ),
        { selector: ([name]) => name },
      ),
    ),
    replaces: fc.boolean(),
  })
  .map(({ group, families, replaces }) => change(group, families ?? "gone", replaces));

function stateOf(table: GroupTable): readonly unknown[] {
  return [...table.groups()].map(({ id, families, expiresAt }) => [id, new Map(families), expiresAt]).sort();
}

describe("changes of groups", () => {
  it("are the same from their records, one by one and rewritten", () => {
    fc.assert(
      fc.property(fc.array(changes, { maxLength: 12 }), (list) => {
        const table = new GroupTable();
        const again = new GroupTable();
        for (const one of list) {
          if (table.inconsistency(one) !== undefined) continue;
          table.apply(one);
          for (const read of decodeChanges(encodeChanges([one]))) again.apply(read);
        }
        expect(stateOf(again)).toEqual(stateOf(table));
        const rewritten = new GroupTable();
        for (const record of encodeGroups(table.groups()))
          for (const read of decodeChanges(record)) rewritten.apply(read);
        expect(stateOf(rewritten)).toEqual(stateOf(table));
        expect(rewritten.seriesCount).toBe(table.seriesCount);
      }),
      { numRuns: 200 },
    );
  });

  it("can be taken back, last first", () => {
    fc.assert(
      fc.property(fc.array(changes, { maxLength: 12 }), fc.nat(12), (list, kept) => {
        const table = new GroupTable();
        const consistent = list.filter((one) => table.inconsistency(one) === undefined && table.apply(one));
        const expected = new GroupTable();
        for (const one of consistent.slice(0, kept)) expected.apply(one);
        const undone = new GroupTable();
        const applied = consistent.map((one) => undone.apply(one));
        for (const one of applied.slice(kept).reverse()) one.undo();
        expect(stateOf(undone)).toEqual(stateOf(expected));
        expect(undone.seriesCount).toBe(expected.seriesCount);
        // What may come next is the same, too.
        for (const one of list) expect(undone.inconsistency(one)).toEqual(expected.inconsistency(one));
      }),
      { numRuns: 200 },
    );
  });

  it.each(["", "{}", '{"changes":[{"group":{"job":"a"},"families":[{"name":"m","metrics":[[{},"x"]]}]}]}'])(
    "%j is no record of them",
    (text) => {
      expect(() => decodeChanges(Buffer.from(text))).toThrow(CorruptionError);
    },
  );
});
