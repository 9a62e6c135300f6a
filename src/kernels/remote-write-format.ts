/**
 * The messages of remote write, and what the kernel and its module (assembly/remote-write.ts) have agreed on.
 *
 * prometheus.WriteRequest, of 1.0:
 *   WriteRequest  1: TimeSeries, repeated       3: MetricMetadata, repeated
 *   TimeSeries    1: Label, repeated            2: Sample, repeated     3: Exemplar, repeated    4: Histogram, repeated
 *   Label         1: name, string               2: value, string
 *   Sample        1: value, double              2: time in milliseconds, int64
 *
 * io.prometheus.write.v2.Request, of 2.0; a ref is an index of `symbols`, of which the first is the empty one:
 *   Request       4: symbols, repeated string   5: TimeSeries, repeated
 *   TimeSeries    1: labels_refs, names and values in turn              2: Sample, repeated      3: Histogram, repeated
 *                 4: Exemplar, repeated         5: Metadata
 *   Sample        1, 2 as in 1.0                3: start time
 *   Metadata      1: type, enum                 3: help_ref             4: unit_ref
 *
 * Fields may come in any order, unknown ones are skipped. Histograms and exemplars are only counted.
 *
 * An entry is 16 words of 32 bits. Addresses are of the module's memory.
 *
 *   word   series                                    metadata            malformed
 *   0      1                                         2                   3
 *   1      number of the series in the body, from 1                      number of the series
 *   2      first row
 *   3      rows                                                          samples that are lost with it
 *   4, 5   labels: address, size                     message: the same
 *   6      hash of the labels
 *   7      index of the series, or NONE                                  which problem
 *   8      type of the metric
 *   9, 10  symbol of the help: address, size
 *   11, 12 symbol of the unit: address, size
 *   13     hash of the three, 0 when nothing is said
 *   14     address of the known key
 *   15     whether the labels can be remembered
 *
 * A symbol begins with the length of its text, a varint.
 *
 * Source: prometheus.io/docs/specs/prw/remote_write_spec and remote_write_spec_2_0.
 */

import { LimitExceededError, MalformedInputError } from "../model/errors.js";

export const ENTRY_WORDS = 16;
export const ENTRY_SERIES = 1;
export const ENTRY_METADATA = 2;
/** No index of a series. */
export const NONE = 0xffffffff;

/** Malformed series beyond these are only counted: a body can have very many. */
export const MALFORMED_ENTRIES_MAX = 1000;
/** Labels that are longer are decoded each time. */
export const KEY_SIZE_BYTES_MAX = 65_536;

/** No type of a metric has this number: greater ones stand for it. */
export const METRIC_TYPE_MAX = 255;

export const PROBLEM_ODD_REFS = 1;
export const PROBLEM_BAD_REF = 2;
export const PROBLEM_MIXED = 3;
export const PROBLEM_EMPTY = 4;

const problems: Readonly<Record<number, string>> = {
  [PROBLEM_ODD_REFS]: "the series has a label without a value: its labels_refs are not in pairs",
  [PROBLEM_BAD_REF]: "the series refers to a symbol that the request does not have",
  [PROBLEM_MIXED]: "the series has samples and histograms; each kind needs a series of its own",
  [PROBLEM_EMPTY]: "the series has neither samples nor histograms",
};

export function describeProblem(problem: number): string {
  return problems[problem] ?? "the series is malformed";
}

/** Not a fault of the body: see assembly/_fault.ts. */
export const FAULT_REGION_FULL = 8;
const FAULT_NO_EMPTY_SYMBOL = 6;
const FAULT_LABELS_TOO_LARGE = 7;
const FAULT_SNAPPY = 10;

const reasons: Readonly<Record<number, string>> = {
  1: "a number is cut short",
  2: "a number is longer than 64 bits",
  3: "a field is longer than its message",
  4: "a field has no valid number",
  5: "a wire type is not known",
  6: "the symbols do not begin with the empty one",
  10: "an element is not complete",
  11: "more is decoded than was declared",
  12: "a literal is not complete",
  13: "a copy reaches before the start",
  14: "less is decoded than was declared",
};

/** `offset` is in the message, or in the body for what is wrong with its compression. */
export function throwFault(fault: number, offset: number, labelBytesMax: number): never {
  if (fault === FAULT_LABELS_TOO_LARGE) throw labelsTooLarge(labelBytesMax);
  const what = fault >= FAULT_SNAPPY ? "valid Snappy" : "a valid protobuf message";
  throw new MalformedInputError(`the body is not ${what}: ${reasons[fault]} (at byte ${offset})`, { offset });
}

/** For 2.0, whose first symbol must be the empty one. */
export function throwNoEmptySymbol(): never {
  throwFault(FAULT_NO_EMPTY_SYMBOL, 0, 0);
}

export function labelsTooLarge(labelBytesMax: number): LimitExceededError {
  return new LimitExceededError(
    `the labels of the request have more than ${labelBytesMax} bytes when they are written out`,
  );
}
