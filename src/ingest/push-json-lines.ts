/**
 * pushJsonLines: a body of lines of JSON, as VictoriaMetrics exports them, into a Push.
 */

import { BODY_JSON_LINES } from "../kernels/body-format.js";
import { Labels } from "../model/labels.js";
import type { TimestampMs } from "../model/sample.js";
import { JsonLinesReader, labelPairs, type SampleSink } from "./json-lines-reader.js";
import type { KnownLines } from "./line-stream.js";
import { NO_NUMBER } from "./push/byte-keys.js";
import { KnownScan } from "./push/known-scan.js";
import type { Push, PushResult } from "./push/push.js";
import { pushRows } from "./push/push-row-body.js";
import { PushRows } from "./push/push-rows.js";
import { RowMemory } from "./push/row-memory.js";

/** See `pushBody`. `memory` is of earlier bodies. */
export function pushJsonLines(
  source: AsyncIterable<Uint8Array>,
  push: Push,
  lineSizeMaxBytes: number,
  memory?: RowMemory,
): Promise<PushResult> {
  const rows = new PushRows(push, memory ?? new RowMemory(), memory !== undefined);
  const known = new KnownJsonLines(rows, lineSizeMaxBytes, (lines) => reader.passed(lines));
  const reader = new JsonLinesReader(new RowLines(push, rows), lineSizeMaxBytes, known);
  return pushRows(source, push, rows, reader);
}

/** Lines as most senders write them, whose labels have been parsed once. */
class KnownJsonLines implements KnownLines {
  readonly #rows: PushRows;
  readonly #scan: KnownScan;
  readonly #passed: (lines: number) => void;
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;

  constructor(rows: PushRows, sizeMax: number, passed: (lines: number) => void) {
    this.#rows = rows;
    this.#scan = new KnownScan(rows, { format: BODY_JSON_LINES, sizeMax });
    this.#passed = passed;
  }

  begin(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.#end = end;
    this.#scan.begin(bytes, start, end, this.#rows.owner);
  }

  read(start: number): number {
    for (let at = start; ; ) {
      const stop = this.#scan.read(at);
      if (stop > at) this.#passed(this.#scan.lines);
      if (stop === this.#end || !this.#learn()) return stop;
      at = stop;
    }
  }

  /** Learns what the line lacked to be read. Returns false when that was not all. */
  #learn(): boolean {
    const missed = this.#scan.missed;
    if (missed === undefined) return false;
    const { owner, start, end } = missed;
    const bytes = this.#bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const rows = this.#rows;
    // What is refused is not learnt.
    if (rows.find(owner, view, start, end) !== NO_NUMBER) return false;
    let labels: Labels;
    try {
      labels = Labels.from(labelPairs(JSON.parse(bytes.toString("utf8", start, end))));
    } catch {
      // These bytes are no object of labels.
      return false;
    }
    return rows.remember(owner, view, start, end, rows.take(labels));
  }
}

/** Series are numbers of rows. */
class RowLines implements SampleSink<number> {
  readonly #push: Push;
  readonly #rows: PushRows;

  constructor(push: Push, rows: PushRows) {
    this.#push = push;
    this.#rows = rows;
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
