/**
 * shortLabels: the targets that discovery in Kubernetes finds, in few words.
 */

import { type TargetGroup, targetsOf } from "../../src/discovery/discovery.js";

const start = "__meta_kubernetes_";

/** Labels without what all begin with; those that only say that another is there are left out. */
export function shortLabels(group: TargetGroup | undefined): Record<string, string>[] {
  return [...targetsOf(group === undefined ? [] : [group])].map((labels) =>
    Object.fromEntries(
      [...labels]
        .filter(([name]) => !name.includes("present_"))
        .map(([name, value]) => [name.replace(start, ""), value]),
    ),
  );
}

/** Of each target the values of some of these. */
export function columns(group: TargetGroup | undefined, ...names: string[]): (string | undefined)[][] {
  return shortLabels(group).map((labels) => names.map((name) => labels[name]));
}
