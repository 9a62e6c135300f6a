/**
 * Annotations: warnings and infos about a query that has an answer nevertheless, each said once: with the place that
 * came last, where it holds for several.
 *
 * Source: the texts are those of Prometheus 3.14 `util/annotations`; places are `line:column` of the query text.
 */

import { formatFloat } from "../../model/float-text.js";
import { quoteText } from "../../model/labels.js";
import type { Span } from "../parser/ast.js";
import { placeText } from "../plan/position.js";

/** What was seen of buckets that had to be made monotonic, over all steps and series. */
interface ForcedMonotonicity {
  minBucket: number;
  maxBucket: number;
  maxDifference: number;
  samples: number;
  minTime: number;
  maxTime: number;
}

/** Of each kind. A value that changes from step to step could make one per step. */
const annotationsMax = 1000;

export class Annotations {
  readonly #text: string;
  /** Places by message. */
  readonly #warnings = new Map<string, string>();
  readonly #infos = new Map<string, string>();
  readonly #forced = new Map<string, ForcedMonotonicity>();

  constructor(text: string) {
    this.#text = text;
  }

  warnings(): readonly string[] {
    return withPlaces(this.#warnings);
  }

  infos(): readonly string[] {
    const forced = [...this.#forced].map(([key, seen]) => {
      const split = key.lastIndexOf(" (");
      return `${key.slice(0, split)}${describeForced(seen)}${key.slice(split)}`;
    });
    return [...withPlaces(this.#infos), ...forced];
  }

  invalidQuantile(quantile: number, span: Span): void {
    this.#warn(`quantile value should be between 0 and 1, got ${formatFloat(quantile)}`, span);
  }

  invalidRatio(ratio: number, cappedTo: number, span: Span): void {
    const message = `ratio value should be between -1 and 1, got ${formatFloat(ratio)}, capping to ${cappedTo}`;
    this.#warn(message, span);
  }

  badBucketLabel(label: string, metricName: string, span: Span): void {
    const message = `bucket label "le" is missing or has a malformed value of ${quoteText(label)}`;
    this.#warn(message + forMetric(metricName), span);
  }

  sortInRangeQuery(span: Span): void {
    this.#warn("sort is ineffective for range queries since results are always ordered by labels", span);
  }

  possibleNonCounter(metricName: string, span: Span): void {
    const message = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket:";
    this.#inform(`${message} ${quoteText(metricName)}`, span);
  }

  possibleNonCounterType(metricName: string, type: string, span: Span): void {
    const message = 'metric might not be a counter, __type__ label is not set to "counter" or "histogram"';
    this.#inform(`${message}, got ${quoteText(type)}: ${quoteText(metricName)}`, span);
  }

  incompatibleTypes(operation: { left: string; operator: string; right: string }, span: Span): void {
    const { left, operator, right } = operation;
    const message = "incompatible sample types encountered for binary operator";
    this.#inform(`${message} ${quoteText(operator)}: ${left} ${operator} ${right}`, span);
  }

  forcedMonotonicity(
    seen: { minBucket: number; maxBucket: number; maxDifference: number; time: number },
    metricName: string,
    span: Span,
  ): void {
    const message =
      "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see " +
      "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
    const key = `${message}${forMetric(metricName)} (${placeText(this.#text, span)})`;
    const known = this.#forced.get(key);
    const { minBucket, maxBucket, maxDifference, time } = seen;
    if (known === undefined) {
      const first = { minBucket, maxBucket, maxDifference, samples: 1, minTime: time, maxTime: time };
      this.#forced.set(key, first);
      return;
    }
    known.minBucket = Math.min(known.minBucket, minBucket);
    known.maxBucket = Math.max(known.maxBucket, maxBucket);
    known.maxDifference = Math.max(known.maxDifference, maxDifference);
    known.samples++;
    known.minTime = Math.min(known.minTime, time);
    known.maxTime = Math.max(known.maxTime, time);
  }

  #warn(message: string, span: Span): void {
    this.#note(this.#warnings, `PromQL warning: ${message}`, span);
  }

  #inform(message: string, span: Span): void {
    this.#note(this.#infos, `PromQL info: ${message}`, span);
  }

  #note(notes: Map<string, string>, message: string, span: Span): void {
    if (notes.size < annotationsMax || notes.has(message)) notes.set(message, placeText(this.#text, span));
  }
}

function withPlaces(messages: ReadonlyMap<string, string>): readonly string[] {
  return [...messages].map(([message, place]) => `${message} (${place})`);
}

function forMetric(metricName: string): string {
  return metricName === "" ? "" : ` for metric name ${quoteText(metricName)}`;
}

function describeForced(seen: ForcedMonotonicity): string {
  const { minBucket, maxBucket, maxDifference, samples, minTime, maxTime } = seen;
  return (
    `, from buckets ${formatFloat(minBucket)} to ${formatFloat(maxBucket)}` +
    `, with a max diff of ${formatFloat(Number(maxDifference.toPrecision(2)))}` +
    `, over ${samples} samples from ${secondText(minTime)} to ${secondText(maxTime)}`
  );
}

function secondText(timeMs: number): string {
  return new Date(Math.trunc(timeMs / 1000) * 1000).toISOString().replace(".000Z", "Z");
}
