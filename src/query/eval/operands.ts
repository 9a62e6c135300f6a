/**
 * Values where their type is known from the checked expression.
 */

import { assert } from "../../model/assert.js";
import type { Value, VectorSeries } from "./value.js";

export function scalarValues(value: Value): Float64Array {
  assert(value.kind === "scalar", "a checked expression has a scalar here");
  return value.values;
}

export function vectorSeries(value: Value): readonly VectorSeries[] {
  assert(value.kind === "vector", "a checked expression has an instant vector here");
  return value.series;
}

export function stringValue(value: Value): string {
  assert(value.kind === "string", "a checked expression has a string here");
  return value.value;
}
