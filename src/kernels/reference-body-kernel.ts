/**
 * ReferenceBodyKernel: the body kernel in TypeScript, the oracle of the one in WebAssembly. It looks up every key, by its
 * text with a character for each byte.
 */

import {
  BODY_GRAPHITE,
  BODY_INFLUX,
  BODY_JSON_LINES,
  BODY_JSON_VALUES,
  BODY_KEY_SIZE_MAX,
  BODY_OPEN_METRICS,
  BODY_PACKED_VALUES,
  COMMENT_OWNER,
  NO_KEY,
} from "./body-format.js";
import type { BodyKernel, BodyReading, BodyRows, MissedKey, ReadState } from "./body-kernel.js";
import { KIND_KEPT } from "./exposition-format.js";
import { readGraphiteLine, readInfluxLine, readJsonLine, readTextSample } from "./reference-body-lines.js";
import type { BodyScan } from "./reference-body-scan.js";
import { beginsMap, readJsonValue, readPackedValue } from "./reference-body-values.js";

export class ReferenceBodyKernel implements BodyKernel, BodyScan {
  readonly #keys = new Map<string, number>();
  #input = Buffer.alloc(0);
  #rows: { readonly number: number; time: number; readonly value: number }[] = [];
  /** One character for each byte. */
  text = "";
  bytes = this.#input;
  reading: Required<BodyReading> = { format: 0, owner: 0, sizeMax: 0, timeScale: 1, digitsCut: 0 };
  headEnd = 0;
  kind = 0;
  lines = 0;
  missed: MissedKey | undefined;
  tableSizeBytes = 0;

  input(sizeBytes: number): Uint8Array {
    this.#input = Buffer.alloc(sizeBytes);
    return this.#input;
  }

  begin(sizeBytes: number, reading: BodyReading): void {
    this.bytes = this.#input.subarray(0, sizeBytes);
    this.text = this.bytes.toString("latin1");
    this.reading = { timeScale: 1, digitsCut: 0, ...reading };
  }

  read(offset: number, state: ReadState): number {
    this.#rows = [];
    this.lines = 0;
    this.missed = undefined;
    this.kind = state.kind ?? 0;
    const { format } = this.reading;
    const isOfLines = format !== BODY_JSON_VALUES && format !== BODY_PACKED_VALUES;
    let at = offset;
    while (at < this.bytes.length) {
      const rows = this.#rows.length;
      const behind = isOfLines ? this.#readLine(at, state) : this.#readValue(at);
      if (behind === undefined) {
        this.#rows.length = rows;
        break;
      }
      this.lines++;
      at = format === BODY_JSON_VALUES ? this.#behindBlanks(behind, state) : behind;
    }
    return at;
  }

  rows(): BodyRows {
    const numbers = Uint32Array.from(this.#rows, ({ number }) => number);
    const times = Float64Array.from(this.#rows, ({ time }) => time);
    const values = Float64Array.from(this.#rows, ({ value }) => value);
    return { numbers, times, values, length: this.#rows.length };
  }

  find(owner: number, key: Uint8Array): number {
    return this.#keys.get(`${owner} ${Buffer.from(key).toString("latin1")}`) ?? NO_KEY;
  }

  add(owner: number, key: Uint8Array, number: number): boolean {
    if (key.length > BODY_KEY_SIZE_MAX) return false;
    this.#keys.set(`${owner} ${Buffer.from(key).toString("latin1")}`, number);
    this.tableSizeBytes += 2 * key.length;
    return true;
  }

  keyAt(owner: number, start: number, end: number): number | undefined {
    const number = this.#keys.get(`${owner} ${this.text.slice(start, end)}`);
    if (number === undefined) this.missed = { owner, start, end, headEnd: this.headEnd };
    return number;
  }

  addRow(number: number, time: number, value: number): void {
    this.#rows.push({ number, time, value });
  }

  get rowCount(): number {
    return this.#rows.length;
  }

  setTime(row: number, time: number): void {
    this.#rows[row]!.time = time;
  }

  /** Returns where the next line begins. */
  #readLine(start: number, { tellComments = false }: ReadState): number | undefined {
    const lineFeed = this.text.indexOf("\n", start);
    const end = lineFeed < 0 ? this.text.length : lineFeed;
    if (!this.#isRead(start, end, tellComments) || end - start > this.reading.sizeMax) return undefined;
    return end + 1;
  }

  #isRead(start: number, end: number, tellComments: boolean): boolean {
    const line = this.text.slice(start, end);
    const { format, owner } = this.reading;
    if (format === BODY_INFLUX) return readInfluxLine(this, line, start);
    if (format === BODY_GRAPHITE) return readGraphiteLine(this, line, start);
    if (format === BODY_JSON_LINES) return readJsonLine(this, line, start);
    const isStrict = format === BODY_OPEN_METRICS;
    const blanks = isStrict ? 0 : /^[ \t]*/.exec(line)![0].length;
    if (blanks === line.length && !isStrict) return true;
    if (line[blanks] !== "#") return readTextSample(this, line, start, blanks, isStrict);
    if (tellComments) return false;
    const size = line.endsWith("\r") ? line.length - 1 : line.length;
    const effect = this.keyAt(owner + COMMENT_OWNER, start + blanks, start + size);
    if (effect === undefined) return false;
    if (effect !== KIND_KEPT) this.kind = effect;
    return true;
  }

  #readValue(start: number): number | undefined {
    if (this.reading.format === BODY_JSON_VALUES)
      return this.text[start] === "{" ? readJsonValue(this, start) : undefined;
    return beginsMap(this.bytes[start]!) ? readPackedValue(this, start) : undefined;
  }

  #behindBlanks(at: number, { isInArray = false }: ReadState): number {
    const between = isInArray ? /[ \t\r\n,]*/y : /[ \t\r\n]*/y;
    between.lastIndex = at;
    between.test(this.text);
    return between.lastIndex;
  }
}
