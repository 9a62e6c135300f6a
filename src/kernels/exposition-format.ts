/**
 * What the exposition kernel and its module (assembly/exposition.ts) have agreed on.
 *
 * A line that is known has a tag, the lowest four bits of its record's first word:
 *
 *   0 to 2   a series, by which label of it is a float: none, `le`, `quantile`
 *   4 to 7   a comment: those below 7 set for the lines behind which label is a float, none, `le` or `quantile`
 */

/** No entry. */
export const NONE = 0xffffffff;

export const KIND_PLAIN = 0;
export const KIND_LE = 1;
export const KIND_QUANTILE = 2;
/** Of a comment: the kind stays what it is. */
export const KIND_KEPT = 3;
export const TAG_COMMENT = 4;

/** Why `read` came back: the page ends; a line is not known; of a known series the value is not. */
export const STOP_END = 0;
export const STOP_LINE = 1;
export const STOP_VALUE = 2;

export const PAGE_OPEN_METRICS = 1;
export const PAGE_READ_COMMENTS = 2;

/** Longer lines are not kept. */
export const TEXT_SIZE_BYTES_MAX = 1024 * 1024;
export const RECORD_WORDS = 3;
