/**
 * StagedColumns: samples of one target on their way to an appender: by refs where those are known, which costs next to
 * nothing, by labels where they are not, or not any more. One set of columns serves all targets, as it is filled and
 * emptied within one turn.
 *
 * Samples reach the appender in the order in which they are added: of two of one series and time the first one counts.
 */

import type { Appender } from "../model/appendable.js";
import type { Labels } from "../model/labels.js";
import type { TimestampMs } from "../model/sample.js";
import { NO_SERIES, type SeriesRef } from "../model/series.js";
import { isStaleAt, markStaleAt } from "../model/staleness.js";

/** The series of a target, by numbers. */
export interface KnownRefs {
  refOf(entry: number): SeriesRef;
  setRef(entry: number, ref: SeriesRef): void;
}

export interface StagedFor {
  readonly appender: Appender;
  readonly refs: KnownRefs;
  readonly labelsOf: (entry: number) => Labels;
}

const capacity = 4096;

export class StagedColumns {
  readonly #entries = new Uint32Array(capacity);
  readonly #refs = new Float64Array(capacity);
  readonly #times = new Float64Array(capacity);
  readonly #values = new Float64Array(capacity);
  #length = 0;
  #target: StagedFor | undefined;

  /** Forgets what was added before, and adds for this target from now on. */
  begin(target: StagedFor): void {
    this.#target = target;
    this.#length = 0;
  }

  add(entry: number, time: TimestampMs, value: number): void {
    this.#values[this.#place(entry, time)] = value;
  }

  addStale(entry: number, time: TimestampMs): void {
    markStaleAt(this.#values, this.#place(entry, time));
  }

  /** To be called after the last one. */
  flush(): void {
    const { appender, refs } = this.#target!;
    const length = this.#length;
    if (length === 0) return;
    this.#length = 0;
    const columns = { refs: this.#refs, times: this.#times, values: this.#values, length };
    for (const row of appender.appendColumns(columns)) {
      const entry = this.#entries[row]!;
      const time = this.#times[row]!;
      const labels = this.#target!.labelsOf(entry);
      const ref = isStaleAt(this.#values, row)
        ? appender.appendStale(NO_SERIES, labels, time)
        : appender.append(NO_SERIES, labels, time, this.#values[row]!);
      refs.setRef(entry, ref);
    }
  }

  /** Where the value goes. Rows without refs and rows with refs are batches of their own, for the sake of their order. */
  #place(entry: number, time: TimestampMs): number {
    const ref = this.#target!.refs.refOf(entry);
    const length = this.#length;
    const isOther = length > 0 && (ref === NO_SERIES) !== (this.#refs[length - 1] === NO_SERIES);
    if (isOther || length === capacity) this.flush();
    const row = this.#length++;
    this.#entries[row] = entry;
    this.#refs[row] = ref;
    this.#times[row] = time;
    return row;
  }
}
