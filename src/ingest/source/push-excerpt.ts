/**
 * PushExcerpt: the first samples of a push, to be shown to people: kept as they were, made text when somebody looks.
 *
 * There is one for each source of each push, and it is kept until the next: columns, so that it is few objects.
 */

import { formatFloat } from "../../model/float-text.js";
import type { Labels } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";

export const excerptRows = 20;
const textLengthMax = 4096;

const noLabels: Labels[] = [];
const noNumbers: number[] = [];

export class PushExcerpt {
  /** Of most there is none: nothing was refused, or others of the push are shown. */
  #labels = noLabels;
  /** Value and time of each, in turn. */
  #numbers = noNumbers;

  add(labels: Labels, value: number, time: TimestampMs): void {
    if (this.#labels === noLabels) {
      this.#labels = [];
      this.#numbers = [];
    }
    if (this.#labels.length < excerptRows) {
      this.#labels.push(labels);
      this.#numbers.push(value, time);
    }
  }

  /** Lines of `series value time`; a staleness marker is a NaN. */
  text(): string {
    const numbers = this.#numbers;
    const text = this.#labels
      .map((labels, i) => `${labels} ${formatFloat(numbers[2 * i]!)} ${numbers[2 * i + 1]}`)
      .join("\n");
    return text.length > textLengthMax ? `${text.slice(0, textLengthMax)}...` : text;
  }
}
