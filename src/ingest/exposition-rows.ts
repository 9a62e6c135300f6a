/**
 * ExpositionRows: the visitor that turns an exposition's samples into rows, leniently. Labels are built once per
 * distinct text of a series, as far as the cache reaches.
 */

import type { TimestampMs } from "../model/sample.js";
import type { ExpositionVisitor, SeriesText } from "./exposition/exposition-visitor.js";
import type { MalformedRows, RowAppender, RowSeries } from "./row-appender.js";

/** Characters of series text that the cache may hold before it starts afresh. */
const cachedTextMax = 32 * 1024 * 1024;

export class ExpositionRows implements ExpositionVisitor {
  readonly #rows: RowAppender;
  readonly #malformed: MalformedRows;
  readonly #defaultTime: TimestampMs;
  readonly #series = new Map<string, RowSeries>();
  #cachedText = 0;

  constructor(options: {
    readonly rows: RowAppender;
    readonly malformed: MalformedRows;
    readonly defaultTime: TimestampMs;
  }) {
    this.#rows = options.rows;
    this.#malformed = options.malformed;
    this.#defaultTime = options.defaultTime;
  }

  sample(text: SeriesText, value: number, time: TimestampMs | undefined): void {
    const key = text.key();
    const series = this.#series.get(key) ?? this.#remember(key, text);
    this.#rows.append(series, time ?? this.#defaultTime, value);
  }

  malformed(line: number, reason: string): void {
    this.#malformed.add(line, reason);
  }

  #remember(key: string, text: SeriesText): RowSeries {
    if (this.#cachedText > cachedTextMax) {
      this.#series.clear();
      this.#cachedText = 0;
    }
    const series = this.#rows.series(text.labels());
    this.#series.set(key, series);
    this.#cachedText += key.length;
    return series;
  }
}
