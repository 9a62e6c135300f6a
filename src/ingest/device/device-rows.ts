/**
 * DeviceRows: what devices push as JSON or MessagePack, one value after the other, into a Push. A value is an object
 * in one of three shapes:
 *
 *   one sample     {"name":"room_celsius","labels":{"room":"attic"},"value":21.4,"time":1700000000000}
 *   one series     {"name":"room_celsius","labels":{"room":"attic"},"samples":[[1700000000000,21.4],[1700000060000,21.5]]}
 *   columns        {"labels":{"room":"attic"},"times":[1700000000000,1700000060000],
 *                   "values":{"room_celsius":[21.4,21.5],"room_humidity_ratio":[0.41,null]}}
 *   columns, now   {"labels":{"room":"attic"},"values":{"room_celsius":21.4,"room_humidity_ratio":0.41}}
 *
 * `name` may stand among the labels as `__name__`. A time is a number in the unit that the request names
 * (milliseconds unless it does), or RFC 3339 text; without one the sample is of the arrival, as is a sample that is a
 * bare value. A value is a number, or "NaN", "+Inf" or "-Inf". In `samples` and `value` null ends the series (a
 * staleness marker); in columns it says that nothing was measured at that time, and is passed over.
 *
 * Each sample that cannot be read is counted with its reason, and the rest is kept.
 */

import { MalformedInputError } from "../../model/errors.js";
import { parseFloatText } from "../../model/float-text.js";
import { Labels, METRIC_NAME } from "../../model/labels.js";
import { parseTime } from "../../model/rfc3339.js";
import type { TimestampMs } from "../../model/sample.js";
import type { Push } from "../push/push.js";
import type { PushRows } from "../push/push-rows.js";

/** How many milliseconds one unit of a numeric time is. */
export const timeUnits = { s: 1000, ms: 1, us: 1e-3, ns: 1e-6 } as const;
export type TimeUnit = keyof typeof timeUnits;

type Fields = Readonly<Record<string, unknown>>;

const knownKeys: ReadonlySet<string> = new Set([
  ...["name", "labels", "value", "time"],
  ...["samples", "times", "values"],
]);

export class DeviceRows {
  readonly #push: Push;
  readonly #millisecondsPerUnit: number;
  readonly #rows: PushRows;
  /** Of the value that is being read, from 1. */
  #place = 0;

  constructor(push: Push, rows: PushRows, timeUnit: TimeUnit = "ms") {
    this.#push = push;
    this.#rows = rows;
    this.#millisecondsPerUnit = timeUnits[timeUnit];
  }

  /** Takes the next value of the body. */
  take(value: unknown): void {
    this.#place++;
    try {
      this.#takeFields(fieldsOf(value));
    } catch (error) {
      this.#count(error, isFields(value) ? sampleCountOf(value) : 1);
    }
  }

  /** So many values were taken by others. */
  passed(values: number): void {
    this.#place += values;
  }

  /** Counts a value that is not even JSON or MessagePack. */
  takeUnreadable(reason: string): void {
    this.#place++;
    this.#push.malformed(this.#place, reason, 1);
  }

  #takeFields(fields: Fields): void {
    const labels = new LabelFields(fields.labels);
    if (fields.values !== undefined) this.#takeColumns(fields, labels);
    else this.#takeSeries(fields, labels);
  }

  #takeSeries({ name, samples, value, time }: Fields, labels: LabelFields): void {
    const series = this.#series(labels.nameOf(name), labels);
    if (samples === undefined) {
      if (value === undefined)
        throw new MalformedInputError("one of value, samples and values must be given");
      this.#takeSample(series, "value", time, value);
      return;
    }
    if (!Array.isArray(samples)) throw new MalformedInputError("samples must be an array");
    for (const [i, sample] of samples.entries()) {
      const [ownTime, ownValue] = Array.isArray(sample) ? sample : [undefined, sample];
      this.#takeSample(series, `samples[${i}]`, ownTime, ownValue);
    }
  }

  #takeColumns({ times, time, values }: Fields, labels: LabelFields): void {
    if (!isFields(values)) throw new MalformedInputError("values must be an object from names to columns");
    if (times !== undefined && !Array.isArray(times)) throw new MalformedInputError("times must be an array");
    for (const [name, column] of Object.entries(values)) {
      const series = this.#series(name, labels);
      if (times !== undefined) this.#takeColumn(series, name, times, column);
      else if (column !== null) this.#takeSample(series, `values.${name}`, time, column);
    }
  }

  #takeColumn(series: number, name: string, times: readonly unknown[], column: unknown): void {
    if (!Array.isArray(column) || column.length !== times.length) {
      const reason = `values.${name} must be an array of the length of times, ${times.length}`;
      this.#push.malformed(this.#place, reason, Array.isArray(column) ? column.length : 1);
      return;
    }
    for (const [i, cell] of column.entries())
      if (cell !== null) this.#takeSample(series, `values.${name}[${i}]`, times[i], cell);
  }

  /** `subject` is where the sample stands in the value. */
  #takeSample(series: number, subject: string, time: unknown, value: unknown): void {
    try {
      const at = time === undefined || time === null ? undefined : this.#timeOf(time);
      if (value === null) this.#rows.appendStale(series, at);
      else this.#rows.append(series, at, numberOf(value));
    } catch (error) {
      this.#count(error, 1, `${subject}: `);
    }
  }

  #timeOf(time: unknown): TimestampMs {
    if (time instanceof Date) return time.getTime();
    if (typeof time === "number") return Math.round(time * this.#millisecondsPerUnit);
    const parsed = typeof time === "string" ? parseTime(time) : undefined;
    if (parsed === undefined)
      throw new MalformedInputError(`the time ${shortText(time)} is neither a number nor RFC 3339`);
    return parsed;
  }

  #series(name: string, labels: LabelFields): number {
    return this.#rows.numberOf(labels.textWith(name), () => labels.with(name));
  }

  #count(error: unknown, samples: number, subject = ""): void {
    if (!(error instanceof MalformedInputError)) throw error;
    this.#push.malformed(this.#place, subject + error.message, samples);
  }
}

/** Of a value that is one sample; undefined for any other. Throws MalformedInputError. */
export function labelsOfSample(value: unknown): Labels | undefined {
  const { name, labels, samples, values } = fieldsOf(value);
  if (samples !== undefined || values !== undefined) return undefined;
  const fields = new LabelFields(labels);
  return fields.with(fields.nameOf(name));
}

/** Of a column of a value with such labels. Throws MalformedInputError. */
export function labelsOfColumn(value: unknown, name: string): Labels {
  return new LabelFields(fieldsOf(value).labels).with(name);
}

function fieldsOf(value: unknown): Fields {
  if (!isFields(value)) throw new MalformedInputError(`${shortText(value)} is no object`);
  const unknownKey = Object.keys(value).find((key) => !knownKeys.has(key));
  if (unknownKey !== undefined)
    throw new MalformedInputError(
      `the key ${JSON.stringify(unknownKey)} means nothing here; known are ${[...knownKeys].join(", ")}`,
    );
  return value;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** The field `labels`: checked, and with a text that stands for it, so that labels are made once for each series. */
class LabelFields {
  readonly #fields: Fields;
  #text = "";

  /** Throws MalformedInputError. */
  constructor(labels: unknown = {}) {
    if (!isFields(labels)) throw new MalformedInputError("labels must be an object");
    for (const [name, value] of Object.entries(labels)) {
      if (typeof value !== "string")
        throw new MalformedInputError(`labels.${name} must be text${remedy(value)}`);
      this.#text += `${name.length} ${name}${value.length} ${value}`;
    }
    this.#fields = labels;
  }

  /** The name that the value gives, or that is among the labels. Throws MalformedInputError. */
  nameOf(given: unknown): string {
    const name = given ?? (Object.hasOwn(this.#fields, METRIC_NAME) ? this.#fields[METRIC_NAME] : undefined);
    if (typeof name === "string" && name !== "") return name;
    throw new MalformedInputError("name, or __name__ among the labels, must be text");
  }

  /** Different for different labels: lengths say where names and values end. */
  textWith(metricName: string): string {
    return `${metricName.length} ${metricName}${this.#text}`;
  }

  with(metricName: string): Labels {
    return Labels.from(
      new Map([...(Object.entries(this.#fields) as [string, string][]), [METRIC_NAME, metricName]]),
    );
  }
}

function numberOf(value: unknown): number {
  if (typeof value === "number") return value;
  const number = typeof value === "string" ? parseFloatText(value) : undefined;
  if (number === undefined) throw new MalformedInputError(`${shortText(value)} is no number`);
  return number;
}

/** How a number or truth value would be text. */
function remedy(value: unknown): string {
  return typeof value === "number" || typeof value === "boolean" ? `, as "${value}"` : "";
}

/** Of any value, short enough for a message. What is in arrays and objects is not looked at: it may be deep. */
function shortText(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value);
}

/** How many samples are lost with a value that cannot be used: as many as it seems to have. */
function sampleCountOf({ samples, values }: Fields): number {
  if (Array.isArray(samples)) return Math.max(1, samples.length);
  if (!isFields(values)) return 1;
  const columns = Object.values(values);
  return Math.max(
    1,
    columns.reduce<number>((count, column) => count + (Array.isArray(column) ? column.length : 1), 0),
  );
}
