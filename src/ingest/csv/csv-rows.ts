/**
 * CsvRows: the rows of a CSV file, once the roles of its columns are known, as samples: one per metric column.
 */

import { Labels, METRIC_NAME } from "../../model/labels.js";
import type { IngestLimits } from "../limits.js";
import type { MalformedRows, RowAppender, RowSeries } from "../row-appender.js";
import { isEmptyCell, numberOfCell } from "./cell.js";
import type { ColumnPlan } from "./plan-columns.js";

export interface CsvRowsOptions {
  readonly plan: ColumnPlan;
  /** Names, for the reasons. */
  readonly columns: readonly string[];
  readonly hasDecimalComma: boolean;
  readonly rows: RowAppender;
  readonly malformed: MalformedRows;
  readonly limits: IngestLimits;
}

/** Characters of labels, and places for series, that are remembered before the table starts afresh. */
const rememberedMax = 32 * 1024 * 1024;

export class CsvRows {
  readonly #options: CsvRowsOptions;
  /** By the row's labels: one series per value column, made when it has a first value. */
  readonly #series = new Map<string, (RowSeries | undefined)[]>();
  #remembered = 0;

  constructor(options: CsvRowsOptions) {
    this.#options = options;
  }

  /** `cells` holds one text per column, trimmed. */
  add(cells: readonly string[], line: number): void {
    const { plan, columns, rows, malformed, hasDecimalComma } = this.#options;
    const timeText = cells[plan.time.index]!;
    const time = plan.time.format.parse(timeText);
    if (time === undefined) {
      const column = `column "${columns[plan.time.index]}"`;
      const isEmpty = timeText === "";
      malformed.add(
        line,
        isEmpty
          ? `the time in ${column} is empty`
          : `${quote(timeText)} in ${column} is no time as ${plan.time.format.name}`,
      );
      return;
    }
    const tooLong = plan.labels.find(({ index }) => this.#isTooLong(cells[index]!));
    if (tooLong !== undefined) {
      malformed.add(
        line,
        `the label in column "${columns[tooLong.index]}" is beyond the limit labelValueSizeBytes`,
      );
      return;
    }
    const series = this.#seriesOf(cells);
    for (const [i, { index, metricName }] of plan.values.entries()) {
      const cell = cells[index]!;
      if (plan.staleText === undefined && isEmptyCell(cell)) continue;
      if (cell === plan.staleText) {
        series[i] ??= this.#newSeries(metricName, cells);
        rows.appendStale(series[i], time);
        continue;
      }
      const value = numberOfCell(cell, hasDecimalComma);
      if (value === undefined) {
        malformed.add(line, `${quote(cell)} in column "${columns[index]}" is no number`);
        continue;
      }
      series[i] ??= this.#newSeries(metricName, cells);
      rows.append(series[i], time, value);
    }
  }

  #isTooLong(cell: string): boolean {
    const limit = this.#options.limits.labelValueSizeBytes;
    return cell.length * 3 > limit && Buffer.byteLength(cell) > limit;
  }

  #seriesOf(cells: readonly string[]): (RowSeries | undefined)[] {
    let key = "";
    for (const { index } of this.#options.plan.labels) key += `${cells[index]}\n${cells[index]!.length}\n`;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    this.#remembered += key.length + this.#options.plan.values.length;
    if (this.#remembered > rememberedMax) {
      this.#series.clear();
      this.#remembered = 0;
    }
    const series = new Array<RowSeries | undefined>(this.#options.plan.values.length).fill(undefined);
    this.#series.set(key, series);
    return series;
  }

  #newSeries(metricName: string | undefined, cells: readonly string[]): RowSeries {
    const pairs = this.#options.plan.labels.map(({ index, labelName }): [string, string] => [
      labelName,
      cells[index]!,
    ]);
    if (metricName !== undefined) pairs.push([METRIC_NAME, metricName]);
    return this.#options.rows.series(Labels.from(pairs));
  }
}

function quote(cell: string): string {
  return JSON.stringify(cell.length > 40 ? `${cell.slice(0, 40)}…` : cell);
}
