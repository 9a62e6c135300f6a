/**
 * selectTargets: of what a job's discovery found, what is scraped, what relabelling dropped, and what is wrong.
 */

import type { Labels } from "../model/labels.js";
import type { ScrapeConfig } from "./scrape-config.js";
import { buildTarget, discoveredLabels, type Target } from "./target.js";

export interface TargetSelection {
  /** In the order in which they were found, each once, as it was found last. */
  readonly active: readonly Target[];
  /** Discovered labels of the first that were dropped. */
  readonly dropped: readonly Labels[];
  readonly droppedCount: number;
  /** Sentences about targets that cannot be scraped. */
  readonly problems: readonly string[];
}

/** `found` has the labels of each target, `__address__` among them. */
export function selectTargets(config: ScrapeConfig, found: Iterable<Labels>): TargetSelection {
  const active = new Map<string, Target>();
  const dropped: Labels[] = [];
  const problems: string[] = [];
  let droppedCount = 0;
  for (const labels of found) {
    const outcome = buildTarget(config, discoveredLabels(config, labels));
    switch (outcome.kind) {
      case "active":
        active.set(outcome.target.identity, outcome.target);
        break;
      case "dropped":
        droppedCount++;
        if (config.droppedTargetsMax === 0 || droppedCount <= config.droppedTargetsMax) {
          dropped.push(outcome.discoveredLabels);
        }
        break;
      case "invalid":
        problems.push(
          `a target of job "${config.jobName}" is left out: ${outcome.reason}; it is ${outcome.discoveredLabels}`,
        );
    }
  }
  return { active: [...active.values()], dropped, droppedCount, problems };
}
