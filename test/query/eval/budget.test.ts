import { describe, expect, it } from "vitest";
import { QueryCanceledError, QueryLimitError, QueryTimeoutError } from "../../../src/model/errors.js";
import { Labels } from "../../../src/model/labels.js";
import { LABEL_VALUE_LENGTH_MAX, QueryBudget, SLICE_MS } from "../../../src/query/eval/budget.js";
import { runAtOnce, type Slices } from "../../../src/query/eval/slices.js";
import { FLOAT, scalar, type Value } from "../../../src/query/eval/value.js";
import { FakeClock } from "../../support/fake-clock.js";

describe("QueryBudget", () => {
  it("gives back what a node used, and keeps its value", () => {
    const budget = new QueryBudget({ samplesMax: 100, bytesMax: 1000, timeoutMs: 1000 }, new FakeClock());
    for (let i = 0; i < 5; i++) {
      const work = function* (): Slices<Value> {
        yield;
        budget.column(60);
        budget.addSamples(70);
        return scalar(budget.values(5));
      };
      runAtOnce(budget.holding(work()));
    }
    expect(() => budget.addSamples(75)).not.toThrow();
    expect(() => budget.addSamples(1)).toThrow(QueryLimitError);
    expect(() => budget.reserveBytes(1000 - 5 * 5 * 9)).not.toThrow();
    expect(() => budget.reserveBytes(1)).toThrow(QueryLimitError);
  });

  it("counts the points of a column, not its steps", () => {
    const budget = new QueryBudget({ samplesMax: 3, bytesMax: 1e6, timeoutMs: 1000 }, new FakeClock());
    const column = budget.column(1000);
    column.present[500] = FLOAT;
    const series = [{ labels: Labels.empty, dropName: false, column }];
    const work = function* (): Slices<Value> {
      yield;
      return { kind: "vector", series };
    };
    expect(() => runAtOnce(budget.holding(work()))).not.toThrow();
    expect(() => budget.addSamples(3)).toThrow(QueryLimitError);
  });

  it("counts bytes of chunks and columns together", () => {
    const budget = new QueryBudget({ samplesMax: 1e6, bytesMax: 1000, timeoutMs: 1000 }, new FakeClock());
    budget.reserveBytes(900);
    expect(() => budget.column(11)).not.toThrow();
    expect(() => budget.column(1)).toThrow(QueryLimitError);
  });

  it("looks at the clock now and then", () => {
    const clock = new FakeClock();
    const budget = new QueryBudget({ samplesMax: 1e9, bytesMax: 1e12, timeoutMs: 1000 }, clock);
    clock.advance(1001);
    expect(() => budget.tick(10)).not.toThrow();
    expect(() => budget.tick(1_000_000)).toThrow(QueryTimeoutError);
  });

  it("says when a slice is over, until the next one begins", () => {
    const clock = new FakeClock();
    const budget = new QueryBudget({ samplesMax: 1e9, bytesMax: 1e12, timeoutMs: 1000 }, clock);
    budget.beginSlice();
    expect(budget.tick(1_000_000)).toBe(false);
    clock.advance(SLICE_MS + 1);
    expect(budget.tick(10)).toBe(false);
    expect(budget.tick(1_000_000)).toBe(true);
    expect(budget.tick(10)).toBe(true);
    budget.beginSlice();
    expect(budget.tick(1_000_000)).toBe(false);
  });

  it("counts labels that a query makes, and keeps counting them", () => {
    const budget = new QueryBudget({ samplesMax: 100, bytesMax: 1000, timeoutMs: 1000 }, new FakeClock());
    const work = function* (): Slices<Value> {
      yield;
      budget.reserveLabels(300);
      return { kind: "vector", series: [] };
    };
    runAtOnce(budget.holding(work()));
    expect(() => runAtOnce(budget.holding(work()))).toThrow(QueryLimitError);
  });

  it("counts what queries hold together, until they are over", () => {
    const shared = { max: 1500, held: 0 };
    const limits = { samplesMax: 100, bytesMax: 1000, timeoutMs: 1000, shared };
    const [first, second] = [
      new QueryBudget(limits, new FakeClock()),
      new QueryBudget(limits, new FakeClock()),
    ];
    const work = function* (): Slices<Value> {
      yield;
      first.column(50);
      return scalar(first.values(50));
    };
    runAtOnce(first.holding(work()));
    expect(shared.held).toBe(50 * 9);
    first.reserveLabels(50);
    first.reserveBytes(200);
    expect(() => second.reserveBytes(900)).toThrow("this query and those that run beside it");
    first.release();
    first.release();
    expect(shared.held).toBe(900);
    expect(() => first.reserveBytes(1)).toThrow(QueryCanceledError);
    second.release();
    expect(shared.held).toBe(0);
  });

  it("refuses a label value that is too long", () => {
    const budget = new QueryBudget({ samplesMax: 100, bytesMax: 1e9, timeoutMs: 1000 }, new FakeClock());
    expect(() => budget.reserveLabels(LABEL_VALUE_LENGTH_MAX)).not.toThrow();
    expect(() => budget.reserveLabels(LABEL_VALUE_LENGTH_MAX + 1)).toThrow("a label value would be longer");
  });
});
