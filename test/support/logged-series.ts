/** Series in the form in which a record of the log takes them. */

import { PairTable } from "../../src/storage/index/pair-table.js";
import type { LoggedSeries, SeriesDefinition } from "../../src/storage/wal/wal-record.js";

export function loggedSeries(series: readonly SeriesDefinition[]): LoggedSeries {
  const table = new PairTable();
  const tuples = series.map(({ labels }) => {
    const pairs = new Uint32Array(labels.size);
    table.takeAll(labels, pairs);
    return [...pairs];
  });
  let end = 0;
  return {
    length: series.length,
    refs: Float64Array.from(series, ({ ref }) => ref),
    ends: Uint32Array.from(tuples, (pairs) => {
      end += pairs.length;
      return end;
    }),
    pairs: Uint32Array.from(tuples.flat()),
    table,
  };
}
