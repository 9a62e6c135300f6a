/**
 * Points: the steps of a column that have a value, with their times. A column without gaps is not copied, and its
 * times are those of all the others on the grid.
 */

import type { StepGrid } from "../../kernels/column-kernel.js";
import type { SampleColumns } from "../../model/sample.js";
import { gridTime } from "../plan/grid.js";
import { type Column, FLOAT } from "./value.js";

export class GridPoints {
  readonly #times: Float64Array;

  constructor(grid: StepGrid) {
    this.#times = Float64Array.from({ length: grid.count }, (_, step) => gridTime(grid, step));
  }

  /** The arrays are as long as there are points; they may be shared with the column and with other points. */
  of({ values, present }: Column): SampleColumns {
    let length = 0;
    for (let step = 0; step < present.length; step++) if (present[step] === FLOAT) length++;
    if (length === present.length) return { times: this.#times, values, length };
    const points = { times: new Float64Array(length), values: new Float64Array(length), length };
    for (let step = 0, at = 0; at < length; step++) {
      if (present[step] !== FLOAT) continue;
      points.times[at] = this.#times[step]!;
      points.values[at++] = values[step]!;
    }
    return points;
  }
}
