/**
 * Labels of texts that the kernel has split, and texts of bytes. The series of a fleet have the same names: one list of
 * them is held for all series that follow one another with it.
 */

import { isUtf8 } from "node:buffer";
import { Labels, METRIC_NAME } from "../../model/labels.js";

export class LabelTexts {
  #names: readonly string[] = [];

  /** Of names and values in turn, in order; undefined when there is no metric name among them. */
  labels(texts: readonly string[]): Labels | undefined {
    const size = texts.length / 2;
    const last = this.#names;
    // Of exactly this size: a list that grows has room for seventeen.
    const values = new Array<string>(size);
    let isSame = last.length === size;
    for (let i = 0; i < size; i++) {
      values[i] = texts[2 * i + 1]!;
      isSame &&= last[i] === texts[2 * i];
    }
    return isSame ? Labels.fromSorted(last, values) : this.#labelsOfOthers(texts, values);
  }

  #labelsOfOthers(texts: readonly string[], values: readonly string[]): Labels | undefined {
    const names = values.map((_, i) => texts[2 * i]!);
    if (!names.includes(METRIC_NAME)) return undefined;
    this.#names = names;
    return Labels.fromSorted(names, values);
  }
}

/** Undefined when the bytes are no valid UTF-8. */
export function decodeText(bytes: Buffer, start: number, end: number): string | undefined {
  const text = bytes.toString("utf8", start, end);
  if (text.includes("\ufffd") && !isUtf8(bytes.subarray(start, end))) return undefined;
  return text;
}
