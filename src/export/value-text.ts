/**
 * valueText: a sample's value in a text format. Every reader of floats takes what JavaScript writes, at a fraction of
 * the time that Go's form takes; only what is no number has words of its own.
 */

import { formatFloat } from "../model/float-text.js";

/** Reads back with the same bits, also -0; `+Inf`, `-Inf` and `NaN` as Prometheus writes them. */
export function valueText(value: number): string {
  return Number.isFinite(value) && !Object.is(value, -0) ? String(value) : formatFloat(value);
}
