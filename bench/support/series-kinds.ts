/**
 * The kinds of series that monitoring of machines and services makes, always the same ones: by name, a function
 * that fills a column of values; and the ways in which their times are kept.
 */

import { markStaleAt } from "../../src/model/staleness.js";

/** Numbers in [0, 1). */
export type Random = () => number;

/** Called once a sample, in order. */
type NextValue = () => number;

const day = 1_700_000_000_000;
const intervalMs = 15_000;

/** Late by how many milliseconds a sample is. */
const clocks: Readonly<Record<string, (random: Random) => number>> = {
  "to the millisecond": () => 0,
  "2 % late by 1 to 4 ms": (random) => (random() < 0.02 ? 1 + below(random, 4) : 0),
  "all late by 0 to 4 ms": (random) => below(random, 5),
};
export const clockNames = Object.keys(clocks);

export function timesOf(clock: string, length: number, random: Random): Float64Array {
  const start = day + below(random, intervalMs);
  return Float64Array.from({ length }, (_, i) => start + i * intervalMs + clocks[clock]!(random));
}

const kinds: Readonly<Record<string, (random: Random) => NextValue>> = {
  constant: () => () => 1,
  "counter, 0 to 9 more": (random) => growing(below(random, 1e6), () => below(random, 10)),
  "counter, about 200 more": (random) =>
    growing(below(random, 1e9), () => Math.max(0, Math.round(200 + 14 * normal(random)))),
  "counter, now and then 1 more": (random) => growing(below(random, 1000), () => (random() < 0.03 ? 1 : 0)),
  "counter with bursts": (random) =>
    growing(below(random, 1e6), () => (random() < 0.1 ? below(random, 500) : below(random, 4))),
  "counter with resets": (random) => {
    let value = below(random, 1e6);
    return () => {
      value = random() < 0.004 ? 0 : value + below(random, 50);
      return value;
    };
  },
  "counter of bytes": (random) =>
    growing(below(random, 1e12), () => Math.floor(Math.exp(11 + normal(random)))),
  "bucket of a histogram": (random) =>
    growing(below(random, 1e4), () => (random() < 0.6 ? 0 : below(random, 3))),
  "gauge, 2 decimals": (random) => {
    const next = growing(2000 + below(random, 6000), () => below(random, 401) - 200);
    return () => next() / 100;
  },
  "gauge, 2 decimals, some stale": (random) => {
    const next = growing(2000, () => below(random, 21) - 10);
    return () => (random() < 0.005 ? Number.NaN : next() / 100);
  },
  "gauge that seldom changes": (random) => {
    let value = 40;
    return () => {
      if (random() < 0.05) value = below(random, 100);
      return value;
    };
  },
  "gauge of bytes, times 4096": (random) => {
    const next = growing(500_000 + below(random, 1e6), () => Math.round(500 * normal(random)));
    return () => 4096 * next();
  },
  "gauge, any float": (random) => () => 50 + 10 * normal(random),
  "seconds in hundredths": (random) => {
    const next = growing(below(random, 1e8), () => Math.round(1300 + 60 * normal(random)));
    return () => next() / 100;
  },
  "seconds in nanoseconds": (random) => {
    const next = growing(below(random, 1e13), () => Math.floor(Math.exp(20 + 0.5 * normal(random))));
    return () => next() / 1e9;
  },
  "sum of nanoseconds": (random) =>
    growing(below(random, 1e12) / 1e9, () => sumOf(below(random, 60), () => below(random, 1e8) / 1e9)),
  "sum of any floats": (random) =>
    growing(1e5 * random(), () => sumOf(below(random, 60), () => 0.002 * 100 ** (random() + random()))),
};
export const kindNames = Object.keys(kinds);

export function valuesOf(kind: string, length: number, random: Random): Float64Array {
  const next = kinds[kind]!(random);
  const values = Float64Array.from({ length }, next);
  // Here NaN stands for the marker, whose bits would not outlive being passed on.
  for (let i = 0; i < length; i++) if (Number.isNaN(values[i])) markStaleAt(values, i);
  return values;
}

/** A whole number in [0, bound). */
function below(random: Random, bound: number): number {
  return Math.floor(random() * bound);
}

/** Mean 0, deviation 1. */
function normal(random: Random): number {
  return sumOf(12, random) - 6;
}

function sumOf(count: number, term: () => number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += term();
  return sum;
}

function growing(start: number, growth: () => number): NextValue {
  let value = start;
  return () => {
    value += growth();
    return value;
  };
}
