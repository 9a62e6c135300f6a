/**
 * AddedTargets: targets that the program itself adds to a job, beside those that the configuration or a discovery names.
 */

import { type TargetGroup, targetsOf } from "../discovery/discovery.js";
import type { Labels } from "../model/labels.js";

export class AddedTargets {
  #targets: readonly Labels[] = [];
  readonly #onChange: () => void;

  /** `onChange` is called after each change. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** With the labels of their groups. */
  get targets(): readonly Labels[] {
    return this.#targets;
  }

  /** Puts others in their place, at once; the loops of targets that stay go on. None removes them. */
  replace(groups: readonly TargetGroup[]): void {
    this.#targets = [...targetsOf(groups)];
    this.#onChange();
  }
}
