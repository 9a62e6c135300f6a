/**
 * `by` and `without`: which group a series belongs to.
 */

import type { Labels } from "../../../model/labels.js";
import { LabelPart } from "../label-part.js";

export interface Grouping {
  readonly grouping: readonly string[];
  readonly without: boolean;
}

/** Groups in order of appearance, made by `create` when they are first met. */
export class GroupTable<Group> {
  readonly #part: LabelPart;
  readonly #create: (labels: Labels) => Group;
  readonly #groups = new Map<string, Group>();

  constructor({ grouping, without }: Grouping, create: (labels: Labels) => Group) {
    this.#part = new LabelPart(grouping, { without });
    this.#create = create;
  }

  groupOf(labels: Labels): Group {
    const key = this.#part.keyOf(labels);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = this.#create(this.#part.of(labels));
      this.#groups.set(key, group);
    }
    return group;
  }

  groups(): readonly Group[] {
    return [...this.#groups.values()];
  }
}
