/**
 * pushJsonLines: a body of lines of JSON, as VictoriaMetrics exports them, into a Push.
 */

import type { Labels } from "../model/labels.js";
import type { TimestampMs } from "../model/sample.js";
import { JsonLinesReader, type KnownLines, type SampleSink } from "./json-lines-reader.js";
import { NO_NUMBER } from "./push/byte-keys.js";
import type { Push, PushResult } from "./push/push.js";
import { pushRows } from "./push/push-row-body.js";
import { NO_OWNER, PushRows } from "./push/push-rows.js";
import { RowMemory } from "./push/row-memory.js";

/** See `pushBody`. `memory` is of earlier bodies. */
export function pushJsonLines(
  source: AsyncIterable<Uint8Array>,
  push: Push,
  lineSizeMaxBytes: number,
  memory = new RowMemory(),
): Promise<PushResult> {
  const rows = new PushRows(push, memory);
  const lines = new RowLines(push, rows);
  return pushRows(source, push, rows, new JsonLinesReader(lines, lineSizeMaxBytes, lines));
}

/** Series are numbers of rows. */
class RowLines implements SampleSink<number>, KnownLines<number> {
  readonly #push: Push;
  readonly #rows: PushRows;

  constructor(push: Push, rows: PushRows) {
    this.#push = push;
    this.#rows = rows;
  }

  find(bytes: DataView, start: number, end: number): number | undefined {
    const number = this.#rows.find(NO_OWNER, bytes, start, end);
    return number === NO_NUMBER ? undefined : number;
  }

  learn(bytes: DataView, start: number, end: number, labels: Labels): number {
    const number = this.#rows.take(labels);
    this.#rows.remember(NO_OWNER, bytes, start, end, number);
    return number;
  }

  series(labels: Labels): number {
    return this.#rows.numberOf(labels.key(), () => labels);
  }

  append(number: number, time: TimestampMs, value: number): void {
    this.#rows.append(number, time, value);
  }

  appendStale(number: number, time: TimestampMs): void {
    this.#rows.appendStale(number, time);
  }

  malformed(line: number, reason: string, samples: number): void {
    this.#push.malformed(line, reason, samples);
  }
}
