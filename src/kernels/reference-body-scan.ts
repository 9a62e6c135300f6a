/**
 * BodyScan: what the readers of the reference body kernel see of it, and what they have in common.
 */

import type { BodyReading } from "./body-kernel.js";
import { readFloat } from "./reference-exposition-kernel.js";

export interface BodyScan {
  /** One character for each byte. */
  readonly text: string;
  readonly bytes: Buffer;
  readonly reading: Required<BodyReading>;
  readonly kind: number;
  readonly rowCount: number;
  /** Of a device's value. */
  headEnd: number;
  /** What the key stands for; undefined when it is not known, which is kept. */
  keyAt(owner: number, start: number, end: number): number | undefined;
  addRow(number: number, time: number, value: number): void;
  setTime(row: number, time: number): void;
}

/** A number in JSON's grammar, if it is exact. */
export function readJsonNumber(word: string): number | undefined {
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(word) ? readFloat(word) : undefined;
}

/** Half a millisecond is rounded up. */
export function toMilliseconds(time: number, scale: number): number {
  const scaled = time * scale;
  const whole = Math.floor(scaled);
  return scaled - whole >= 0.5 ? whole + 1 : whole;
}
