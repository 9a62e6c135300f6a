/**
 * FunctionCall: what an instant function is given. Arguments are evaluated; their types were checked by the parser.
 */

import type { CallNode } from "../../plan/plan.js";
import type { EvalContext } from "../context.js";
import type { Slices } from "../slices.js";
import type { Value } from "../value.js";

export interface FunctionCall {
  readonly node: CallNode;
  readonly arguments: readonly Value[];
  readonly context: EvalContext;
}

/** What takes long is done in slices. */
export type InstantFunction = (call: FunctionCall) => Value | Slices<Value>;
