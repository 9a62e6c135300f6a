/**
 * readCsv: a CSV file into rows, one sample per metric column and row.
 *
 * The first rows are held until the roles of the columns are planned; then each row is passed on as it comes.
 * A cell that is no number costs only itself; a row whose time cannot be read, or that has too few or too many
 * fields, is lost. All of them are counted with line and column.
 */

import { InvalidArgumentError, MalformedInputError } from "../../model/errors.js";
import type { CsvOptions } from "../../model/importing.js";
import { checkLimit, type IngestLimits } from "../limits.js";
import type { MalformedRows, RowAppender } from "../row-appender.js";
import { isEmptyCell, numberOfCell } from "./cell.js";
import { type CsvRecord, csvRecords } from "./csv-records.js";
import { CsvRows } from "./csv-rows.js";
import { exportedColumns } from "./exported-columns.js";
import { guessDelimiter } from "./guess-delimiter.js";
import { planColumns } from "./plan-columns.js";
import { guessTimeFormat } from "./time-format.js";

export interface ReadCsvOptions {
  readonly csv: CsvOptions;
  readonly rows: RowAppender;
  readonly malformed: MalformedRows;
  readonly limits: IngestLimits;
  /** The file's first bytes, for the guess of the delimiter; the source begins with them. */
  readonly head: Uint8Array;
  /** Awaited after each batch of rows. */
  readonly onBatch?: () => Promise<void>;
}

/** Rejects with InvalidArgumentError when the roles of the columns cannot be told, or with the source's error. */
export async function readCsv(source: AsyncIterable<Uint8Array>, options: ReadCsvOptions): Promise<void> {
  if (isUtf16(options.head)) throw new MalformedInputError("the file is written in UTF-16; save it as UTF-8");
  const delimiter = options.csv.delimiter ?? guessDelimiter(Buffer.from(options.head).toString("utf8"));
  if (delimiter.length !== 1 || /["\r\n]/.test(delimiter))
    throw new InvalidArgumentError(`the delimiter must be one character, not ${JSON.stringify(delimiter)}`);
  const reader = new CsvReader(options, delimiter === ";");
  let count = 0;
  for await (const record of csvRecords(source, delimiter, options)) {
    reader.add(record);
    if (++count % recordsPerBatch === 0) await options.onBatch?.();
  }
  reader.end();
}

const recordsPerBatch = 1000;

function isUtf16([first, second]: Uint8Array): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}

/** Rows from which roles are guessed: enough for an hourly file to show a day beyond the twelfth. */
const heldRowsMax = 1000;
const heldTextMax = 4 * 1024 * 1024;

class CsvReader {
  readonly #options: ReadCsvOptions;
  readonly #hasDecimalComma: boolean;
  #header: readonly string[] = [];
  #columns: readonly string[] | undefined;
  #held: CsvRecord[] = [];
  #heldText = 0;
  #rows: CsvRows | undefined;

  constructor(options: ReadCsvOptions, hasDecimalComma: boolean) {
    this.#options = options;
    this.#hasDecimalComma = hasDecimalComma;
  }

  add(record: CsvRecord): void {
    // Spreadsheets write rows of nothing but delimiters.
    if (record.cells.every((cell) => cell === "")) return;
    if (this.#columns === undefined) {
      const { limits, csv } = this.#options;
      checkLimit("the first row", record.cells.length, limits, "columnsMax");
      const hasHeader = csv.hasHeader ?? !looksLikeRow(record.cells, this.#hasDecimalComma);
      this.#columns = uniqueColumns(hasHeader ? record.cells : record.cells.map(() => ""));
      if (hasHeader) {
        this.#header = record.cells;
        return;
      }
    }
    if (this.#rows !== undefined) {
      this.#addRow(this.#rows, record);
      return;
    }
    this.#held.push(record);
    for (const cell of record.cells) this.#heldText += cell.length;
    if (this.#held.length >= heldRowsMax || this.#heldText >= heldTextMax) this.#plan(this.#columns);
  }

  end(): void {
    if (this.#rows !== undefined) return;
    if (this.#columns === undefined) throw new MalformedInputError("the CSV file is empty");
    if (this.#held.length === 0) throw new MalformedInputError("the CSV file has a header but no rows");
    this.#plan(this.#columns);
  }

  #plan(columns: readonly string[]): void {
    const { csv, rows, malformed, limits } = this.#options;
    const hasDecimalComma = this.#hasDecimalComma;
    const fitting = this.#held
      .map(({ cells }) => fitRow(cells, columns.length))
      .filter((row) => row !== undefined);
    const plan =
      exportedColumns(this.#header, csv) ??
      planColumns({ columns, rows: fitting, hasDecimalComma }, csv, rows.metricPrefix);
    checkLimit("each series of the file", plan.labels.length + 1, limits, "labelsMax");
    this.#rows = new CsvRows({ plan, columns, hasDecimalComma, rows, malformed, limits });
    for (const record of this.#held) this.#addRow(this.#rows, record);
    this.#held = [];
  }

  #addRow(rows: CsvRows, { cells, line }: CsvRecord): void {
    const count = this.#columns!.length;
    const row = fitRow(cells, count);
    if (row !== undefined) {
      rows.add(row, line);
      return;
    }
    const fields = cells.length === 1 ? "1 field" : `${cells.length} fields`;
    this.#options.malformed.add(line, `${fields} where the first row has ${count}`);
  }
}

/** The cells without superfluous empty ones; undefined when they are no row of the file. */
function fitRow(cells: readonly string[], count: number): readonly string[] | undefined {
  if (cells.length === count) return cells;
  const hasSuperfluous = cells.length > count && cells.slice(count).every((cell) => cell === "");
  return hasSuperfluous ? cells.slice(0, count) : undefined;
}

/** A first row is no header when all its cells are numbers, or one of them is a written date. */
function looksLikeRow(cells: readonly string[], hasDecimalComma: boolean): boolean {
  const filled = cells.filter((cell) => !isEmptyCell(cell));
  const isNumber = (cell: string) => numberOfCell(cell, hasDecimalComma) !== undefined;
  return (
    filled.every(isNumber) ||
    filled.some((cell) => !isNumber(cell) && guessTimeFormat([cell], 0) !== undefined)
  );
}

function uniqueColumns(cells: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return cells.map((cell, index) => {
    const name = cell === "" ? `column_${index + 1}` : cell;
    let unique = name;
    for (let i = 2; taken.has(unique); i++) unique = `${name}_${i}`;
    taken.add(unique);
    return unique;
  });
}
