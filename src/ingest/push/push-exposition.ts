/**
 * pushExposition: a pushed text body into a Push, leniently: what is malformed or rejected is counted and named, the
 * rest is kept.
 */

import type { TimestampMs } from "../../model/sample.js";
import type { ExpositionFormat } from "../exposition/exposition-format.js";
import type { ExpositionVisitor, MetricType, SeriesText } from "../exposition/exposition-visitor.js";
import { ExpositionStream } from "../exposition/parse-exposition.js";
import { KnownPushSeries, type SeriesMemory } from "./known-series.js";
import { OriginMemory } from "./origin-memory.js";
import type { Push, PushResult } from "./push.js";
import { pushBody } from "./push-body.js";

/** See `pushBody`. */
export function pushExposition(
  source: AsyncIterable<Uint8Array>,
  { format, push, memory = new OriginMemory() }: ExpositionBody,
): Promise<PushResult> {
  const { limits } = push;
  return pushBody(source, push, new ExpositionStream({ format, limits }, new ExpositionPush(push, memory)));
}

export interface ExpositionBody {
  readonly format: ExpositionFormat;
  readonly push: Push;
  /** Of earlier bodies of the same format. */
  readonly memory?: SeriesMemory;
}

/** Writes what the parser reads to a push. Labels are built once per distinct text of a series. */
class ExpositionPush implements ExpositionVisitor {
  readonly #push: Push;
  readonly #series: KnownPushSeries;

  constructor(push: Push, memory: SeriesMemory) {
    this.#push = push;
    this.#series = new KnownPushSeries(push, memory);
  }

  sample(text: SeriesText, value: number, time: TimestampMs | undefined): void {
    const key = text.key();
    const series = this.#series.get(key) ?? this.#series.set(key, this.#push.series(text.labels()));
    this.#push.append(series, time, value);
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
