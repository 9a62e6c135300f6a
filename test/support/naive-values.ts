/**
 * Values of the naive evaluator.
 */

import { type Labels, METRIC_NAME } from "../../src/model/labels.js";

export interface NaiveSeries {
  readonly labels: Labels;
  readonly samples: readonly { readonly time: number; readonly value: number | "stale" }[];
}

export interface NaiveQuery {
  readonly series: readonly NaiveSeries[];
  readonly start: number;
  readonly end: number;
  readonly stepMs: number;
  readonly lookbackMs: number;
}

export interface NaiveSample {
  readonly labels: Labels;
  readonly value: number;
  /** When the sample was taken: for `timestamp` of a selector. */
  readonly time?: number;
}

/** A query that has no answer. */
export class NaiveError extends Error {}

/** A query of which the naive evaluator knows nothing. */
export class NotNaiveError extends NaiveError {}

export type NaiveValue = number | string | readonly NaiveSample[];

const metadata = new Set([METRIC_NAME, "__type__", "__unit__"]);
export const withoutName = (labels: Labels): Labels => labels.drop(metadata);

export function vectorOf(value: NaiveValue): readonly NaiveSample[] {
  if (typeof value !== "object") throw new NaiveError("not a vector");
  return value;
}
