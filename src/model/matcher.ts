/**
 * Matcher: a condition on one label. A label that is absent counts as the empty string.
 */

import { AnchoredRegExp } from "./anchored-regexp.js";
import type { Labels } from "./labels.js";
import { quoteText } from "./labels.js";

export type MatchOperator = "=" | "!=" | "=~" | "!~";

export class Matcher {
  readonly name: string;
  readonly operator: MatchOperator;
  readonly value: string;
  /** The compiled expression of `=~` and `!~`. */
  readonly regexp: AnchoredRegExp | undefined;

  /** Throws InvalidArgumentError when `value` is to be a regular expression and is none. */
  constructor(name: string, operator: MatchOperator, value: string) {
    this.name = name;
    this.operator = operator;
    this.value = value;
    this.regexp = operator === "=~" || operator === "!~" ? new AnchoredRegExp(value) : undefined;
  }

  /** Whether a value of the label is accepted; pass the empty string for an absent label. */
  matches(value: string): boolean {
    switch (this.operator) {
      case "=":
        return value === this.value;
      case "!=":
        return value !== this.value;
      case "=~":
        return this.regexp!.matches(value);
      case "!~":
        return !this.regexp!.matches(value);
    }
  }

  matchesLabels(labels: Labels): boolean {
    return this.matches(labels.get(this.name));
  }

  toString(): string {
    return `${this.name}${this.operator}${quoteText(this.value)}`;
  }
}
