/**
 * ClientSeries: one series of a push client, with its labels encoded; and what the client takes for labels and times.
 */

import type { LabelsLike } from "../api.js";
import { InvalidArgumentError } from "../model/errors.js";
import { Labels, METRIC_NAME } from "../model/labels.js";
import { parseTime } from "../model/rfc3339.js";
import { isTimestampMs, type TimeLike, type TimestampMs } from "../model/sample.js";
import type { PushSeries } from "./push-client-options.js";
import type { BatchSeries, SampleValue } from "./sample-batch.js";
import { encodeLabels } from "./write-request.js";

/** Takes a sample; without a time, at now. */
export type AddSample = (series: ClientSeries, value: SampleValue, time?: TimestampMs) => void;

export class ClientSeries implements PushSeries, BatchSeries {
  readonly labels: Labels;
  readonly encodedLabels: Uint8Array;
  /** An application has it. */
  isHeld = false;
  /** Of the newest sample; before all times when there is none since its end. */
  newestTime: TimestampMs = Number.NEGATIVE_INFINITY;
  readonly #add: AddSample;

  /** Throws InvalidArgumentError when `labels` have no metric name: no receiver would take it. */
  constructor(labels: Labels, add: AddSample) {
    if (labels.get(METRIC_NAME) === "")
      throw new InvalidArgumentError(`${labels} has no metric name: a series needs the label ${METRIC_NAME}`);
    this.labels = labels;
    this.encodedLabels = encodeLabels(labels);
    this.#add = add;
  }

  append(value: number, time?: TimeLike): void {
    this.#add(this, value, time === undefined ? undefined : toTime(time));
  }

  end(time?: TimeLike): void {
    this.#add(this, "stale", time === undefined ? undefined : toTime(time));
  }
}

/** A label of `defaults` counts where `given` has none of the name. */
export function withDefaults(given: LabelsLike, defaults: Labels): Labels {
  const own = given instanceof Labels ? given : Labels.from(given as Readonly<Record<string, string>>);
  return defaults.size === 0 ? own : Labels.from(new Map([...defaults, ...own]));
}

/** Throws InvalidArgumentError. */
export function toTime(time: TimeLike): TimestampMs {
  const ms = typeof time === "string" ? parseTime(time) : Number(time);
  if (ms !== undefined && isTimestampMs(ms)) return ms;
  throw new InvalidArgumentError(
    `${JSON.stringify(time)} is no time: give integer milliseconds, a Date, or text such as "2026-01-31T10:00:00Z"`,
  );
}
