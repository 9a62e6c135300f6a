/**
 * PushExcerpt: the first samples of a push, to be shown to people: kept as they were, made text when somebody looks.
 */

import { formatFloat } from "../../model/float-text.js";
import type { Labels } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";

export const excerptRows = 20;
const textLengthMax = 4096;

interface ExcerptRow {
  readonly labels: Labels;
  readonly value: number;
  readonly time: TimestampMs;
}

const noRows: ExcerptRow[] = [];

export class PushExcerpt {
  /** Of most there is none: nothing was refused, or others of the push are shown. */
  #rows: ExcerptRow[] = noRows;

  add(labels: Labels, value: number, time: TimestampMs): void {
    if (this.#rows === noRows) this.#rows = [];
    if (this.#rows.length < excerptRows) this.#rows.push({ labels, value, time });
  }

  /** Lines of `series value time`; a staleness marker is a NaN. */
  text(): string {
    const text = this.#rows
      .map(({ labels, value, time }) => `${labels} ${formatFloat(value)} ${time}`)
      .join("\n");
    return text.length > textLengthMax ? `${text.slice(0, textLengthMax)}...` : text;
  }
}
