/**
 * planColumns: which column of a CSV file is the time, which become labels and which metrics; by the options
 * first, and by the header and the first rows where these are silent.
 *
 *  - Time: a column whose name says so and whose cells are times; else the first whose cells are written dates.
 *  - Labels: the columns named; when none is named, those whose cells are mostly no numbers.
 *  - Metrics: the columns named; when none is named, the others.
 */

import { InvalidArgumentError } from "../../model/errors.js";
import type { CsvOptions } from "../../model/importing.js";
import { METRIC_NAME } from "../../model/labels.js";
import { isEmptyCell, labelNameOf, metricNameOf, numberOfCell } from "./cell.js";
import { guessTimeFormat, type TimeFormat, timeFormatOf } from "./time-format.js";

export interface ColumnPlan {
  readonly time: { readonly index: number; readonly format: TimeFormat };
  readonly labels: readonly { readonly index: number; readonly labelName: string }[];
  /** Without a metric's name where a column of labels holds it. */
  readonly values: readonly { readonly index: number; readonly metricName: string | undefined }[];
  /** A value that stands for a staleness marker; then every other cell is a value, also `NaN`. */
  readonly staleText?: string;
}

/** The first rows of a file, cells trimmed. Every row has as many cells as there are columns, or is not here. */
export interface CsvSample {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly hasDecimalComma: boolean;
}

/**
 * `metricPrefix` will stand before the names of the metrics. Throws InvalidArgumentError, naming the columns there
 * are and the option that decides, when it cannot tell.
 */
export function planColumns(sample: CsvSample, options: CsvOptions, metricPrefix: string): ColumnPlan {
  const time = planTime(sample, options);
  const named = {
    labels: resolveColumns(sample.columns, options.labelColumns),
    values: resolveColumns(sample.columns, options.valueColumns),
  };
  const rest = sample.columns
    .map((_, index) => index)
    .filter((index) => index !== time.index && !named.labels?.has(index) && !named.values?.has(index));
  const isText = new Set(rest.filter((index) => isTextColumn(sample, index)));
  const labels =
    named.labels ??
    guessNames(
      sample.columns,
      rest.filter((index) => isText.has(index)),
      labelNameOf,
    );
  const values =
    named.values ??
    guessNames(
      sample.columns,
      rest.filter((index) => !isText.has(index)),
      (column) => metricNameOf(column, metricPrefix),
    );
  refuseClashes(sample.columns, time.index, labels, values);
  if (values.size === 0) {
    throw new InvalidArgumentError(
      `no column with numbers is left to become a metric; ${listColumns(sample.columns)}; name one as a value column`,
    );
  }
  return {
    time,
    labels: [...labels].map(([index, labelName]) => ({ index, labelName })),
    values: [...values].map(([index, metricName]) => ({ index, metricName })),
  };
}

const timeNames = [
  "timestamp",
  "time",
  "datetime",
  "date_time",
  "date",
  "ts",
  "epoch",
  "unixtime",
  "unix_time",
  "month",
  "day",
  "week",
  "year",
  "period",
];

/** Columns among which a time without a telling name is looked for. */
const searchedColumnsMax = 100;

function planTime(sample: CsvSample, options: CsvOptions): ColumnPlan["time"] {
  const utcOffsetMinutes = options.utcOffsetMinutes ?? 0;
  if (!Number.isFinite(utcOffsetMinutes))
    throw new InvalidArgumentError("utcOffsetMinutes must be a number of minutes");
  const format =
    options.timeFormat === undefined ? undefined : timeFormatOf(options.timeFormat, utcOffsetMinutes);
  const searched = [...sample.columns.keys()].slice(0, searchedColumnsMax);
  const isNamed = options.timeColumn !== undefined;
  const candidates = isNamed
    ? [resolveColumn(sample.columns, options.timeColumn)]
    : [...columnsNamedAsTimes(sample.columns), ...searched];
  let ambiguity: InvalidArgumentError | undefined;
  for (const [order, index] of candidates.entries()) {
    const cells = cellsOf(sample, index);
    if (format !== undefined) {
      if (isNamed || cells.some((cell) => format.parse(cell) !== undefined)) return { index, format };
      continue;
    }
    const guess = guessTimeFormat(cells, utcOffsetMinutes);
    // A column of numbers is a time only when its name says so.
    const isUnnamedNumber = order >= candidates.length - searched.length && !isTextColumn(sample, index);
    if (guess === undefined || (!isNamed && isUnnamedNumber && !looksLikeUnixTimes(cells))) continue;
    if (guess.kind === "format") return { index, format: guess.format };
    ambiguity ??= ambiguous(sample.columns[index]!, cells[0]!, guess.names);
  }
  throw ambiguity ?? noTime(sample, options);
}

function columnsNamedAsTimes(columns: readonly string[]): number[] {
  const names = columns.map((column) => labelNameOf(column));
  const exact = timeNames.map((name) => names.indexOf(name));
  const alike = names.map((name, index) =>
    /(^|_)(time|date|timestamp|datetime)(_|$)/.test(name) ? index : -1,
  );
  return [...new Set([...exact, ...alike])].filter((index) => index >= 0);
}

/** Integers of ten digits or more that never fall: nothing else looks like this in the first rows of a file. */
function looksLikeUnixTimes(cells: readonly string[]): boolean {
  return cells.every(
    (cell, i) => /^\d{10}(\d{3}){0,3}$/.test(cell) && (i === 0 || Number(cell) >= Number(cells[i - 1])),
  );
}

function ambiguous(column: string, cell: string, names: readonly [string, string]): InvalidArgumentError {
  // The guessed formats end in an optional time of day; suggest what these cells have.
  const timeOfDay = !cell.includes(":") ? "" : /[ap]m/i.test(cell) ? " h:mm[:ss] a" : " H:mm[:ss]";
  const [first, second] = names.map((name) => name.replace(/\[.*/, "") + timeOfDay);
  return new InvalidArgumentError(
    `the times in the column "${column}", as ${cell}, can be read as ${first} or as ${second}; ` +
      `say which with --time-format "${first}" or --time-format "${second}"`,
  );
}

function noTime(sample: CsvSample, options: CsvOptions): InvalidArgumentError {
  if (options.timeColumn === undefined) {
    return new InvalidArgumentError(
      `no column holds times that are understood; ${listColumns(sample.columns)}; ` +
        "name the one that does with --time, and its format with --time-format",
    );
  }
  const cell = cellsOf(sample, resolveColumn(sample.columns, options.timeColumn))[0];
  const subject = `the column "${options.timeColumn}"`;
  return new InvalidArgumentError(
    cell === undefined
      ? `${subject} has no times in its first rows; give their format with --time-format`
      : `${subject} holds no times that are understood, as "${cell.slice(0, 60)}"; give their format with --time-format`,
  );
}

/** Cells that hold something, in the order of the rows. */
function cellsOf({ rows }: CsvSample, index: number): string[] {
  return rows.map((row) => row[index]!).filter((cell) => !isEmptyCell(cell));
}

function isTextColumn(sample: CsvSample, index: number): boolean {
  const cells = cellsOf(sample, index);
  const numbers = cells.filter((cell) => numberOfCell(cell, sample.hasDecimalComma) !== undefined).length;
  return numbers * 2 < cells.length;
}

/** Index to name; undefined when nothing is named. */
function resolveColumns(
  columns: readonly string[],
  named: Readonly<Record<string, string>> | undefined,
): Map<number, string> | undefined {
  if (named === undefined) return undefined;
  const resolved = new Map<number, string>();
  for (const [column, name] of Object.entries(named)) {
    if (name === "") throw new InvalidArgumentError(`the column "${column}" is given an empty name`);
    resolved.set(resolveColumn(columns, column), name);
  }
  return resolved;
}

function resolveColumn(columns: readonly string[], name: string): number {
  const exact = columns.indexOf(name);
  const index =
    exact >= 0 ? exact : columns.findIndex((column) => column.toLowerCase() === name.toLowerCase());
  if (index < 0) throw new InvalidArgumentError(`there is no column "${name}"; ${listColumns(columns)}`);
  return index;
}

function guessNames(
  columns: readonly string[],
  indexes: readonly number[],
  nameOf: (column: string) => string,
): Map<number, string> {
  const names = new Map<number, string>();
  const taken = new Set<string>();
  for (const index of indexes) {
    const name = nameOf(columns[index]!) || `column_${index + 1}`;
    let unique = name;
    for (let i = 2; taken.has(unique); i++) unique = `${name}_${i}`;
    taken.add(unique);
    names.set(index, unique);
  }
  return names;
}

function refuseClashes(
  columns: readonly string[],
  timeIndex: number,
  labels: ReadonlyMap<number, string>,
  values: ReadonlyMap<number, string>,
): void {
  for (const [index, name] of [...labels, ...values]) {
    if (index === timeIndex || (labels.has(index) && values.has(index)))
      throw new InvalidArgumentError(`the column "${columns[index]}" is given two roles`);
    if (labels.has(index) && name === METRIC_NAME)
      throw new InvalidArgumentError(`the column "${columns[index]}" cannot become the label ${METRIC_NAME}`);
  }
  for (const names of [[...labels.values()], [...values.values()]]) {
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) throw new InvalidArgumentError(`two columns are given the name "${twice}"`);
  }
}

function listColumns(columns: readonly string[]): string {
  const shown = columns.slice(0, 30).map((column) => `"${column}"`);
  const rest = columns.length > shown.length ? ` and ${columns.length - shown.length} more` : "";
  return `the columns are ${shown.join(", ")}${rest}`;
}
