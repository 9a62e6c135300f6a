/**
 * Every function of PromQL: what it takes, what it gives, and the feature that must be on for it.
 *
 * Source: Prometheus 3.14, promql/parser/functions.go.
 */

import type { ValueType } from "./ast.js";

/** Features that parsing asks for, by the names of Prometheus' `--enable-feature`. */
export type ParserFeature =
  | "promql-experimental-functions"
  | "promql-extended-range-selectors"
  | "promql-binop-fill-modifiers"
  | "use-start-timestamps";

export interface Signature {
  /** Types by position; the last one goes for all that follow. */
  readonly arguments: readonly ValueType[];
  readonly argumentsMin: number;
  readonly argumentsMax: number;
  readonly result: ValueType;
  /** Null for what is always on. */
  readonly feature: ParserFeature | null;
}

type Options = Partial<Pick<Signature, "argumentsMin" | "argumentsMax" | "result" | "feature">>;

function takes(types: readonly ValueType[], options: Options = {}): Signature {
  const {
    argumentsMin = types.length,
    argumentsMax = types.length,
    result = "vector",
    feature = null,
  } = options;
  return { arguments: types, argumentsMin, argumentsMax, result, feature };
}

const vector = takes(["vector"]);
const matrix = takes(["matrix"]);
const ofTime = takes(["vector"], { argumentsMin: 0 });
const scalar = takes([], { result: "scalar" });
const experimental = { feature: "promql-experimental-functions" } as const;
const experimentalMatrix = takes(["matrix"], experimental);
const experimentalScalar = takes([], { result: "scalar", ...experimental });
const experimentalPair = takes(["scalar", "scalar"], { result: "scalar", ...experimental });

export const signatures = {
  abs: vector,
  absent: vector,
  absent_over_time: matrix,
  acos: vector,
  acosh: vector,
  asin: vector,
  asinh: vector,
  atan: vector,
  atanh: vector,
  avg_over_time: matrix,
  ceil: vector,
  changes: matrix,
  clamp: takes(["vector", "scalar", "scalar"]),
  clamp_max: takes(["vector", "scalar"]),
  clamp_min: takes(["vector", "scalar"]),
  cos: vector,
  cosh: vector,
  count_over_time: matrix,
  day_of_month: ofTime,
  day_of_week: ofTime,
  day_of_year: ofTime,
  days_in_month: ofTime,
  deg: vector,
  delta: matrix,
  deriv: matrix,
  double_exponential_smoothing: takes(["matrix", "scalar", "scalar"], experimental),
  end: experimentalScalar,
  exp: vector,
  first_over_time: matrix,
  floor: vector,
  histogram_avg: vector,
  histogram_count: vector,
  histogram_fraction: takes(["scalar", "scalar", "vector"]),
  histogram_quantile: takes(["scalar", "vector"]),
  histogram_quantiles: takes(["vector", "string", "scalar"], { argumentsMax: 12, ...experimental }),
  histogram_stddev: vector,
  histogram_stdvar: vector,
  histogram_sum: vector,
  hour: ofTime,
  idelta: matrix,
  increase: matrix,
  info: takes(["vector", "vector"], { argumentsMin: 1, ...experimental }),
  irate: matrix,
  label_join: takes(["vector", "string", "string", "string"], { argumentsMin: 3, argumentsMax: Infinity }),
  label_replace: takes(["vector", "string", "string", "string", "string"]),
  last_over_time: matrix,
  ln: vector,
  log10: vector,
  log2: vector,
  mad_over_time: experimentalMatrix,
  max_of: experimentalPair,
  max_over_time: matrix,
  min_of: experimentalPair,
  min_over_time: matrix,
  minute: ofTime,
  month: ofTime,
  pi: scalar,
  predict_linear: takes(["matrix", "scalar"]),
  present_over_time: matrix,
  quantile_over_time: takes(["scalar", "matrix"]),
  rad: vector,
  range: experimentalScalar,
  rate: matrix,
  resets: matrix,
  round: takes(["vector", "scalar"], { argumentsMin: 1 }),
  scalar: takes(["vector"], { result: "scalar" }),
  sgn: vector,
  sin: vector,
  sinh: vector,
  sort: vector,
  sort_by_label: takes(["vector", "string"], { argumentsMin: 1, argumentsMax: Infinity, ...experimental }),
  sort_by_label_desc: takes(["vector", "string"], {
    argumentsMin: 1,
    argumentsMax: Infinity,
    ...experimental,
  }),
  sort_desc: vector,
  sqrt: vector,
  start: experimentalScalar,
  start_timestamp: takes(["vector"], { feature: "use-start-timestamps" }),
  stddev_over_time: matrix,
  stdvar_over_time: matrix,
  step: experimentalScalar,
  sum_over_time: matrix,
  tan: vector,
  tanh: vector,
  time: scalar,
  timestamp: vector,
  ts_of_first_over_time: experimentalMatrix,
  ts_of_last_over_time: experimentalMatrix,
  ts_of_max_over_time: experimentalMatrix,
  ts_of_min_over_time: experimentalMatrix,
  vector: takes(["scalar"]),
  year: ofTime,
} as const satisfies Readonly<Record<string, Signature>>;

export type FunctionName = keyof typeof signatures;

export function isFunctionName(name: string): name is FunctionName {
  return Object.hasOwn(signatures, name);
}

export function signatureOf(name: FunctionName): Signature {
  return signatures[name];
}
