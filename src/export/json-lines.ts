/**
 * Series as lines of JSON, in the shape of VictoriaMetrics' /api/v1/export:
 *
 *   {"metric":{"__name__":"up","job":"x"},"values":[1,null],"timestamps":[1700000000000,1700000015000]}
 *
 * A long series has several lines. What JSON has no number for: null is a staleness marker, "NaN", "Infinity" and
 * "-Infinity" are these values. VictoriaMetrics reads all of it, and leaves null out.
 */

import type { SeriesSamples } from "../model/exporting.js";
import { isStaleAt } from "../model/staleness.js";

/** A line ends behind the part with which it has this many samples. */
const samplesPerLine = 8192;

export function* jsonLines({ labels, parts }: SeriesSamples): Generator<string, void, void> {
  const metric = JSON.stringify(labels);
  let values: string[] = [];
  let times: number[] = [];
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) {
      values.push(isStaleAt(part.values, i) ? "null" : valueText(part.values[i]!));
      times.push(part.times[i]!);
    }
    if (times.length < samplesPerLine) continue;
    yield lineOf(metric, values, times);
    values = [];
    times = [];
  }
  if (times.length > 0) yield lineOf(metric, values, times);
}

function lineOf(metric: string, values: readonly string[], times: readonly number[]): string {
  return `{"metric":${metric},"values":[${values.join()}],"timestamps":[${times.join()}]}\n`;
}

function valueText(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  return Object.is(value, -0) ? "-0" : String(value);
}
