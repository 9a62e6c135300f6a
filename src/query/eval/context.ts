/**
 * EvalContext: what evaluation of one query has in hand: loaded series, budget, annotations, a kernel, features.
 */

import type { ColumnKernel } from "../../kernels/column-kernel.js";
import type { Series } from "../../model/series.js";
import type { Plan, PlanNode } from "../plan/plan.js";
import type { Annotations } from "./annotations.js";
import type { QueryBudget } from "./budget.js";
import type { Slices } from "./slices.js";
import type { Value } from "./value.js";

/** Switches of the language that evaluation must know. */
export interface EvalFeatures {
  /** `promql-delayed-name-removal` */
  readonly delayedNameRemoval: boolean;
  /** `type-and-unit-labels` */
  readonly typeAndUnitLabels: boolean;
}

export interface EvalContext {
  readonly plan: Plan;
  /** Per entry of `plan.selects`, in label order. */
  readonly loaded: readonly (readonly Series[])[];
  readonly budget: QueryBudget;
  readonly annotations: Annotations;
  readonly kernel: ColumnKernel;
  readonly features: EvalFeatures;
  /** The value of a node: handed on like this so that operators and functions need not import the switch. */
  readonly evaluate: (node: PlanNode) => Slices<Value>;
}
