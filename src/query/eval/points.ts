/**
 * Points: the steps of a column that have a value, with their times. A column without gaps is not copied, and its
 * times are those of all the others on the grid.
 */

import type { StepGrid } from "../../kernels/column-kernel.js";
import type { SampleColumns } from "../../model/sample.js";
import { gridTime } from "../plan/grid.js";
import type { QueryBudget } from "./budget.js";
import { type Column, FLOAT, SAMPLE_BYTES } from "./value.js";

export class GridPoints {
  readonly #grid: StepGrid;
  readonly #budget: QueryBudget;
  #times: Float64Array | undefined;

  constructor(grid: StepGrid, budget: QueryBudget) {
    this.#grid = grid;
    this.#budget = budget;
  }

  /** The arrays are as long as there are points; they may be shared with the column and with other points. */
  of({ values, present }: Column): SampleColumns {
    let length = 0;
    for (let step = 0; step < present.length; step++) if (present[step] === FLOAT) length++;
    this.#times ??= this.#gridTimes();
    if (length === present.length) return { times: this.#times, values, length };
    this.#budget.reserveBytes(length * SAMPLE_BYTES);
    const points = { times: new Float64Array(length), values: new Float64Array(length), length };
    for (let step = 0, at = 0; at < length; step++) {
      if (present[step] !== FLOAT) continue;
      points.times[at] = this.#times[step]!;
      points.values[at++] = values[step]!;
    }
    return points;
  }

  #gridTimes(): Float64Array {
    const times = this.#budget.values(this.#grid.count);
    for (let step = 0; step < times.length; step++) times[step] = gridTime(this.#grid, step);
    return times;
  }
}
