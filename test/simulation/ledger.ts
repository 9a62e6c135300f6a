/**
 * What a database must hold: the model of the storage tests, a map from series and time to the first value.
 */

import type { Appender, CommitResult } from "../../src/model/appendable.js";
import { Labels } from "../../src/model/labels.js";
import { ALL_TIME } from "../../src/model/sample.js";
import { NO_SERIES } from "../../src/model/series.js";
import { isStaleAt } from "../../src/model/staleness.js";
import { mergeChunks } from "../../src/storage/chunk/sort-samples.js";
import type { Tsdb } from "../../src/storage/tsdb.js";

/** Values as text, so that NaN, -0 and staleness markers compare. */
export interface SimulatedSample {
  readonly series: string;
  readonly time: number;
  readonly value: number | "stale";
}

/** Value text by "series@time". */
export type Ledger = Map<string, string>;

export const keyOf = ({ series, time }: SimulatedSample): string => `${series}@${time}`;
export const textOf = ({ value }: SimulatedSample): string => (Object.is(value, -0) ? "-0" : String(value));

/** The first value at a time stays. */
export function enter(ledger: Ledger, samples: readonly SimulatedSample[]): void {
  for (const sample of samples) if (!ledger.has(keyOf(sample))) ledger.set(keyOf(sample), textOf(sample));
}

export async function commitTo(
  appender: Appender,
  samples: readonly SimulatedSample[],
): Promise<CommitResult> {
  stage(appender, samples);
  return appender.commit();
}

export function stage(appender: Appender, samples: readonly SimulatedSample[]): void {
  for (const { series, time, value } of samples) {
    const labels = Labels.from({ __name__: "sim", series });
    if (value === "stale") appender.appendStale(NO_SERIES, labels, time);
    else appender.append(NO_SERIES, labels, time, value);
  }
}

/** All that is visible. */
export async function observe(tsdb: Tsdb, range = ALL_TIME): Promise<Ledger> {
  const querier = tsdb.querier(range);
  const ledger: Ledger = new Map();
  for (const { labels, chunks } of await querier.select([])) {
    const { times, values, length } = mergeChunks(chunks);
    for (let i = 0; i < length; i++) {
      if (times[i]! < range.minTime || times[i]! > range.maxTime) continue;
      const value: SimulatedSample["value"] = isStaleAt(values, i) ? "stale" : values[i]!;
      const sample = { series: labels.get("series"), time: times[i]!, value };
      ledger.set(keyOf(sample), textOf(sample));
    }
  }
  querier.close();
  return ledger;
}
