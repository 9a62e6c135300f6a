/**
 * Discovery: what finds targets and goes on finding them: the contract between those who look and those who scrape.
 *
 * What is found comes in groups, and groups by source (a file, a URL, a name). Groups of a source replace all that the
 * same source said before. When it cannot be asked, nothing is said, so that the last good targets stay.
 */

import type { Labels } from "../model/labels.js";
import type { TimestampMs } from "../model/sample.js";

export interface TargetGroup {
  /** The labels of each target, `__address__` among them. */
  readonly targets: readonly Labels[];
  /** Of all of them; a target's own win. */
  readonly labels: Labels;
}

/** `groups` are all that `source` knows now. */
export type OnGroups = (source: string, groups: readonly TargetGroup[]) => void;

export interface Discovery {
  /** Begins to look, and tells what is found now and whenever it changes. Called once; never throws. */
  run(onGroups: OnGroups): void;
  /** Resolves when nothing will be told any more. May be called without `run`. */
  stop(): Promise<void>;
  readonly status: DiscoveryStatus;
}

export type DiscoveryKind = "file" | "http" | "dns" | "kubernetes";

export interface DiscoveryStatus {
  readonly kind: DiscoveryKind;
  /** Where it looks: files, a URL, names. */
  readonly place: string;
  /** How often it has looked, failures included. */
  readonly refreshes: number;
  /** How often it could not see everything; then what could not be seen stays as it was. */
  readonly failures: number;
  /** When it last looked; undefined before it did. */
  readonly lastRefresh: TimestampMs | undefined;
  /** Why the last look did not see everything; empty when it did. */
  readonly lastError: string;
}

/** Something that an operator should know. */
export interface DiscoveryEvent {
  readonly level: "info" | "warning";
  readonly message: string;
}

/** The targets of groups, each with the labels of its group. */
export function* targetsOf(groups: Iterable<TargetGroup>): Generator<Labels> {
  for (const { targets, labels } of groups) {
    for (const target of targets) yield labels.with(target.toObject());
  }
}
