/**
 * appendSamples: decoded samples of one series into an appender.
 */

import type { Appender } from "../../model/appendable.js";
import type { Labels } from "../../model/labels.js";
import type { SampleColumns } from "../../model/sample.js";
import type { SeriesRef } from "../../model/series.js";
import { isStaleAt } from "../../model/staleness.js";

/** Returns the ref for more samples of the series; `ref` is what it returned before, or NO_SERIES. */
export function appendSamples(
  appender: Appender,
  series: { readonly labels: Labels; readonly ref: SeriesRef },
  { times, values, length }: SampleColumns,
): SeriesRef {
  const { labels } = series;
  let { ref } = series;
  for (let i = 0; i < length; i++) {
    ref = isStaleAt(values, i)
      ? appender.appendStale(ref, labels, times[i]!)
      : appender.append(ref, labels, times[i]!, values[i]!);
  }
  return ref;
}
