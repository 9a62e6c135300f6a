/**
 * pushExposition: a pushed text body into a Push, leniently: what is malformed or rejected is counted and named, the
 * rest is kept.
 */

import type { TimestampMs } from "../../model/sample.js";
import type { ExpositionFormat } from "../exposition/exposition-format.js";
import type { ExpositionVisitor, MetricType, SeriesText } from "../exposition/exposition-visitor.js";
import { ExpositionStream } from "../exposition/parse-exposition.js";
import type { Push, PushResult } from "./push.js";
import { pushRows } from "./push-row-body.js";
import { PushRows } from "./push-rows.js";
import { RowMemory } from "./row-memory.js";

/** See `pushBody`. */
export function pushExposition(
  source: AsyncIterable<Uint8Array>,
  { format, push, memory = new RowMemory() }: ExpositionBody,
): Promise<PushResult> {
  const { limits } = push;
  const rows = new PushRows(push, memory);
  const reader = new ExpositionStream({ format, limits }, new ExpositionPush(push, rows));
  return pushRows(source, push, rows, reader);
}

export interface ExpositionBody {
  readonly format: ExpositionFormat;
  readonly push: Push;
  /** Of earlier bodies of the same format. */
  readonly memory?: RowMemory;
}

/** Writes what the parser reads to a push. Labels are built once per distinct text of a series. */
class ExpositionPush implements ExpositionVisitor {
  readonly #push: Push;
  readonly #rows: PushRows;

  constructor(push: Push, rows: PushRows) {
    this.#push = push;
    this.#rows = rows;
  }

  sample(text: SeriesText, value: number, time: TimestampMs | undefined): void {
    const number = this.#rows.numberOf(text.key(), () => text.labels());
    this.#rows.append(number, time, value);
  }

  exemplar(): void {
    this.#push.notStored("exemplar", 1);
  }

  type(metricName: string, type: MetricType): void {
    this.#push.metadata(metricName, { type: type === "untyped" ? "unknown" : type });
  }

  help(metricName: string, help: string): void {
    this.#push.metadata(metricName, { help });
  }

  unit(metricName: string, unit: string): void {
    this.#push.metadata(metricName, { unit });
  }

  malformed(line: number, reason: string): void {
    this.#push.malformed(line, reason);
  }
}
