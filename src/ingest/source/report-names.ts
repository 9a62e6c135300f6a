/**
 * Names of the series that are written about a source, each with its job, its instance and the labels that all
 * credentials of the job force. All begin with `push_`, but for `up`, which means the same as of a scraped target.
 *
 *   up                                    1 while the lease holds, 0 when it was missed or never began
 *   push_last_success_timestamp_seconds   when the last push came of which something was taken
 *   push_interval_seconds                 the interval that its lease is reckoned with
 *   push_hold_seconds                     only of the policies hold and forever: how long values are repeated (+Inf)
 *   push_samples_accepted                 samples that were taken since the report before: of one push, or of those
 *                                         within a second
 *   push_samples_rejected                 samples that were not; what only storage could tell is in the next report
 */

export const UP = "up";
export const LAST_SUCCESS = "push_last_success_timestamp_seconds";
export const INTERVAL = "push_interval_seconds";
export const HOLD = "push_hold_seconds";
export const SAMPLES_ACCEPTED = "push_samples_accepted";
export const SAMPLES_REJECTED = "push_samples_rejected";

/** A source may say itself whether it is up, and nothing else of these. */
export const reservedNames: ReadonlySet<string> = new Set([
  LAST_SUCCESS,
  INTERVAL,
  HOLD,
  SAMPLES_ACCEPTED,
  SAMPLES_REJECTED,
]);
