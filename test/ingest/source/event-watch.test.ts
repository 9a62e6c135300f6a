import { describe, expect, it } from "vitest";
import { type Cohort, EventWatch } from "../../../src/ingest/source/event-watch.js";
import { Labels } from "../../../src/model/labels.js";

const hour = 3_600_000;

/** Begins series numbered from `first` on; of each `returningEvery`th one a second sample comes. */
function begin(watch: EventWatch, first: number, count: number, returningEvery = Infinity): void {
  for (let i = first; i < first + count; i++) {
    const cohort: Cohort | undefined = watch.began(
      Labels.from({ __name__: "m", id: String(i), job: "j" }),
      0,
      0,
    );
    if (cohort !== undefined && i % returningEvery === 0) cohort.returned++;
  }
}

describe("EventWatch", () => {
  it("refuses new series for an hour when a thousand never came again", () => {
    const watch = new EventWatch();
    begin(watch, 1, 1000);
    watch.judge(hour, 10);
    expect(watch.refusal(hour)).toMatch(
      /^of 1000 series none had a second sample; the label "id" has a new value/,
    );
    expect(watch.refusal(2 * hour)).toBeUndefined();
  });

  it.each<[string, (watch: EventWatch) => void, number, number]>([
    ["fewer than a thousand", (watch) => begin(watch, 1, 999), hour, 10],
    ["an hour that is not over", (watch) => begin(watch, 1, 1000), hour - 1, 10],
    ["few pushes", (watch) => begin(watch, 1, 1000), hour, 9],
    ["one in a hundred that came again", (watch) => begin(watch, 0, 1000, 100), hour, 10],
    [
      "series that left and came back",
      (watch) => {
        begin(watch, 1, 1000);
        begin(watch, 500, 10);
      },
      hour,
      10,
    ],
  ])("lets %s be", (_, prepare, now, pushes) => {
    const watch = new EventWatch();
    prepare(watch);
    watch.judge(now, pushes);
    expect(watch.refusal(now)).toBeUndefined();
  });

  it("waits with more when many are to be judged", () => {
    const watch = new EventWatch();
    begin(watch, 0, 20_000);
    expect(watch.began(Labels.from({ id: "x" }), 0, 0)).toBeUndefined();
  });
});
