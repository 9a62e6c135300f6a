/**
 * RetentionPolicy: how long the samples of which series are kept.
 *
 * The first rule that accepts a series counts; the retention of the rest is for all others. A rule may keep its
 * series shorter or longer than the rest.
 *
 * All retentions in here are more than 0, and Infinity keeps for ever; in options, 0 does.
 */

import type { Labels } from "../../model/labels.js";
import type { Matcher } from "../../model/matcher.js";
import type { TimestampMs } from "../../model/sample.js";
import type { AgeLimit } from "../head/age-limit.js";
import { intersect, type Postings, subtract, union } from "../index/postings.js";
import { type PostingsSource, selectPostings } from "../index/select-postings.js";

/** For the series that all matchers accept. */
export interface SeriesRetention {
  readonly matchers: readonly Matcher[];
  /** 0 keeps for ever. */
  readonly retentionMs: number;
}

/** Series of one index that are kept equally long. */
export interface RetainedSeries {
  readonly retentionMs: number;
  readonly refs: Postings;
}

/** Blocks are no longer than this, nor than a tenth of how long what is in them is kept. */
const blockDurationMaxMs = 31 * 24 * 3_600_000;
const blocksPerRetention = 10;

export class RetentionPolicy {
  readonly #rules: readonly SeriesRetention[];
  readonly #restMs: number;
  /** Each once, the shortest first. */
  readonly retentionsMs: readonly number[];

  constructor({ rules, retentionMs }: { rules: readonly SeriesRetention[]; retentionMs: number }) {
    this.#rules = rules.map((rule) => ({ ...rule, retentionMs: orForEver(rule.retentionMs) }));
    this.#restMs = orForEver(retentionMs);
    const all = [this.#restMs, ...this.#rules.map((rule) => rule.retentionMs)];
    this.retentionsMs = [...new Set(all)].sort((a, b) => a - b);
  }

  /** For samples that are appended at about `now`. */
  ageLimit(now: TimestampMs): AgeLimit {
    return {
      recentFrom: now - this.retentionsMs[0]!,
      oldestTimeOf: (labels) => now - this.#retentionOf(labels),
    };
  }

  /** The series of an index, by how long they are kept; only such groups as there are. */
  groups(index: PostingsSource): readonly RetainedSeries[] {
    if (this.#rules.length === 0) return [{ retentionMs: this.#restMs, refs: index.all() }];
    const groups = new Map<number, Postings[]>();
    const claim = (retentionMs: number, refs: Postings) => {
      if (refs.length > 0) groups.set(retentionMs, [...(groups.get(retentionMs) ?? []), refs]);
    };
    let rest = index.all();
    for (const { matchers, retentionMs } of this.#rules) {
      const refs = intersect(selectPostings(index, matchers), rest);
      claim(retentionMs, refs);
      rest = subtract(rest, refs);
    }
    claim(this.#restMs, rest);
    return Array.from(groups, ([retentionMs, parts]) => ({ retentionMs, refs: union(parts) }));
  }

  /**
   * The longest that a block may be whose last samples are just before `end`: a tenth of each retention that this
   * end has not outlived, so that no sample stays much longer than it is kept. With "all for 2 y, some for 7 d",
   * blocks grow beyond 16.8 h once they are older than 7 d, and have lost these some.
   */
  blockDurationMaxMs(
    end: TimestampMs,
    { now, blockDurationMs }: { now: TimestampMs; blockDurationMs: number },
  ) {
    const pending = this.retentionsMs.filter((retentionMs) => end > now - retentionMs);
    const longest = Math.min(blockDurationMaxMs, ...pending.map((ms) => ms / blocksPerRetention));
    return Math.max(blockDurationMs, longest);
  }

  #retentionOf(labels: Labels): number {
    const rule = this.#rules.find(({ matchers }) => matchers.every((each) => each.matchesLabels(labels)));
    return rule?.retentionMs ?? this.#restMs;
  }
}

function orForEver(retentionMs: number): number {
  return retentionMs === 0 ? Infinity : retentionMs;
}
