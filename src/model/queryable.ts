/**
 * The read contract: Queryable hands out Queriers, a Querier is one read view.
 */

import type { Matcher } from "./matcher.js";
import type { TimeRange } from "./sample.js";
import type { Series } from "./series.js";

export interface Queryable {
  /** A read view of `range`, both ends inclusive. */
  querier(range: TimeRange): Querier;
}

/**
 * A read view. What one synchronous run of calls selects is one consistent state: commits that finish later
 * do not show. Close it; nothing that it returned may be used afterwards. Closing twice is allowed.
 */
export interface Querier {
  /**
   * Loads every series that all matchers accept and that may have samples in the range (the querier's, or the
   * narrower one of the hints), in label order. Equal arguments on an unchanged database give equal results.
   * At least one matcher must not match the empty string, or all series are loaded.
   */
  select(matchers: readonly Matcher[], hints?: SelectHints): Promise<readonly Series[]>;
  /** Names of labels of the series that match, sorted by bytes. */
  labelNames(matchers?: readonly Matcher[]): Promise<readonly string[]>;
  /** Values of one label of the series that match, sorted by bytes. */
  labelValues(name: string, matchers?: readonly Matcher[]): Promise<readonly string[]>;
  close(): void;
}

/** What the caller will do with the series. Storage may use it to load less, never more than asked. */
export interface SelectHints {
  /** Narrower than the querier's range. */
  readonly range?: TimeRange;
  /** Only labels are needed: `chunks` may be empty. */
  readonly labelsOnly?: boolean;
  /** Called with the bytes about to be loaded, before they are; throws to refuse (a query's byte budget). */
  readonly reserveBytes?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}
