/**
 * Names and matchers as text: bare where the grammar allows it, quoted otherwise.
 */

import { quoteText } from "../../model/labels.js";
import type { Matcher } from "../../model/matcher.js";

const legacyLabelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const legacyMetricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
/** Words that are no metric name unless quoted. */
const reservedWords = /^(?:atan2|bool|group_left|group_right|ignoring|inf|nan|on)$/i;

export function printLabel(name: string): string {
  // `without` and the special numbers are keywords in a list of labels.
  return legacyLabelName.test(name) && !/^(?:inf|nan|without)$/i.test(name) ? name : printText(name);
}

export function printLabels(names: readonly string[]): string {
  return `(${names.map(printLabel).join(", ")})`;
}

export function printMatcher({ name, operator, value }: Matcher): string {
  return `${legacyLabelName.test(name) ? name : printText(name)}${operator}${printText(value)}`;
}

/** A quoted string. U+FFFD, which stands for a malformed byte, is no character of a string unless escaped. */
export function printText(text: string): string {
  return quoteText(text).replaceAll("\ufffd", "\\ufffd");
}

/** Whether a metric's name may stand before the braces. */
export function isBareMetricName(name: string): boolean {
  return legacyMetricName.test(name) && !reservedWords.test(name);
}
