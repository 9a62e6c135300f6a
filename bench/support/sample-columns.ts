/**
 * Columns like those of real series, always the same ones.
 */

import type { SampleColumns } from "../../src/model/sample.js";

/** Numbers in [0, 1) from a fixed seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Every 15 s, now and then a millisecond late; a counter that grows by up to 100 and resets once. */
export function counter(length: number): SampleColumns {
  const random = seededRandom(1);
  let value = 0;
  return columns(length, random, (i) => {
    value = i === length >> 1 ? 0 : value + Math.floor(random() * 100);
    return value;
  });
}

/** A gauge with two decimals that wanders about. */
export function gauge(length: number): SampleColumns {
  const random = seededRandom(2);
  let hundredths = 2000;
  return columns(length, random, () => {
    hundredths += Math.floor(random() * 21) - 10;
    return hundredths / 100;
  });
}

function columns(length: number, random: () => number, next: (index: number) => number): SampleColumns {
  const times = new Float64Array(length);
  const values = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    times[i] = 1_700_000_000_000 + i * 15_000 + (random() < 0.05 ? 1 : 0);
    values[i] = next(i);
  }
  return { times, values, length };
}
