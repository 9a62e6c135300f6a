/**
 * Series as OpenMetrics text: `name{label="value"} VALUE SECONDS`, one line a sample, and `# EOF` at the end.
 *
 * Names that are not of letters, digits, `_` and `:` stand in quotes within the braces, as Prometheus 3 writes them.
 *
 * Source: the OpenMetrics 1.0 specification; Prometheus `docs/instrumenting/content_negotiation.md` for quoted names.
 */

import type { SeriesSamples } from "../model/exporting.js";
import { type Labels, METRIC_NAME } from "../model/labels.js";
import type { TimestampMs } from "../model/sample.js";
import { isStaleAt } from "../model/staleness.js";
import { valueText } from "./value-text.js";

export const openMetricsEnd = "# EOF\n";

const plainMetricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const plainLabelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Nothing for a series without a metric name, which the format does not know; staleness markers are left out. */
export function* openMetricsLines({ labels, parts }: SeriesSamples): Generator<string, void, void> {
  if (!labels.has(METRIC_NAME)) return;
  const series = seriesText(labels);
  for (const { times, values, length } of parts) {
    for (let i = 0; i < length; i++) {
      if (!isStaleAt(values, i)) yield `${series} ${valueText(values[i]!)} ${secondsText(times[i]!)}\n`;
    }
  }
}

function seriesText(labels: Labels): string {
  const metricName = labels.get(METRIC_NAME);
  const isPlain = plainMetricName.test(metricName);
  const pairs = isPlain ? [] : [quote(metricName)];
  for (const [name, value] of labels) {
    if (name !== METRIC_NAME) pairs.push(`${plainLabelName.test(name) ? name : quote(name)}=${quote(value)}`);
  }
  return `${isPlain ? metricName : ""}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`}`;
}

/** Only these three are escaped in the format. */
function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

/**
 * Prometheus multiplies the seconds by 1000 and cuts off what is behind the point: it reads 1.001 as 1000 ms. Where
 * that would be so, a tenth of a millisecond is added, which every reader then drops.
 */
function secondsText(time: TimestampMs): string {
  const text = decimalSeconds(time);
  return Math.trunc(Number(text) * 1000) === time ? text : `${text}1`;
}

function decimalSeconds(time: TimestampMs): string {
  const magnitude = Math.abs(time);
  const whole = `${time < 0 ? "-" : ""}${Math.floor(magnitude / 1000)}`;
  const rest = magnitude % 1000;
  return rest === 0 ? whole : `${whole}.${String(rest).padStart(3, "0")}`;
}
