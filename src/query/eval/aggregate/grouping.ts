/**
 * `by` and `without`: which group a series belongs to.
 */

import { Labels, METRIC_NAME } from "../../../model/labels.js";

export interface Grouping {
  readonly grouping: readonly string[];
  readonly without: boolean;
}

/** The labels of the group of a series. */
export function groupLabels({ grouping, without }: Grouping): (labels: Labels) => Labels {
  if (without) {
    const names = new Set([METRIC_NAME, ...grouping]);
    return (labels) => labels.drop(names);
  }
  if (grouping.length === 0) return () => Labels.empty;
  const names = new Set(grouping);
  return (labels) => labels.keep(names);
}

/** Groups in order of appearance, made by `create` when they are first met. */
export class GroupTable<Group> {
  readonly #labelsOf: (labels: Labels) => Labels;
  readonly #create: (labels: Labels) => Group;
  readonly #groups = new Map<string, Group>();

  constructor(grouping: Grouping, create: (labels: Labels) => Group) {
    this.#labelsOf = groupLabels(grouping);
    this.#create = create;
  }

  groupOf(labels: Labels): Group {
    const own = this.#labelsOf(labels);
    const key = own.key();
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = this.#create(own);
      this.#groups.set(key, group);
    }
    return group;
  }

  groups(): readonly Group[] {
    return [...this.#groups.values()];
  }
}
