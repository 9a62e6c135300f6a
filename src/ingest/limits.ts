/**
 * IngestLimits: how much a sender may send, each limit with a name and a default. Readers check a limit before
 * they allocate what it bounds. A body or declared size beyond its limit throws LimitExceededError; a line or
 * series beyond one is a malformed row, and the rest is kept.
 */

import { LimitExceededError } from "../model/errors.js";

export interface IngestLimits {
  /** Bytes of one body as it arrives, before decompression. */
  readonly arrivingSizeBytes: number;
  /** Bytes of one body after decompression, where a body must be held whole. */
  readonly bodySizeBytes: number;
  /** Bytes of one body after decompression, where it is read piece by piece. */
  readonly streamSizeBytes: number;
  /** Bytes of one line of text, or of one row of CSV. */
  readonly lineSizeBytes: number;
  /** Labels of one series, the metric name included. */
  readonly labelsMax: number;
  readonly labelNameSizeBytes: number;
  readonly labelValueSizeBytes: number;
  /** Samples in one transaction; a larger body is committed in several. */
  readonly transactionSamplesMax: number;
  /** Columns of a CSV file. */
  readonly columnsMax: number;
}

export const defaultIngestLimits: IngestLimits = {
  arrivingSizeBytes: 32 * 1024 * 1024,
  bodySizeBytes: 32 * 1024 * 1024,
  streamSizeBytes: 256 * 1024 * 1024,
  lineSizeBytes: 1024 * 1024,
  labelsMax: 128,
  labelNameSizeBytes: 1024,
  labelValueSizeBytes: 64 * 1024,
  transactionSamplesMax: 100_000,
  columnsMax: 10_000,
};

export type IngestLimitName = keyof IngestLimits;

/** Limits that a configuration file may set, by the names that they have there. */
const configuredNames: Readonly<Partial<Record<IngestLimitName, string>>> = {
  labelsMax: "labels",
  labelNameSizeBytes: "label_name_length",
  labelValueSizeBytes: "label_value_length",
};

/** The sentence for a limit that was passed: what was measured, how much of it, and the limit's name. */
export function describeLimit(
  subject: string,
  amount: number,
  limits: IngestLimits,
  name: IngestLimitName,
): string {
  const unit = name.endsWith("Bytes") ? " bytes" : "";
  return `${subject} has ${amount}${unit}, more than the limit ${configuredNames[name] ?? name} of ${limits[name]}`;
}

/** Throws LimitExceededError when `amount` is beyond the named limit. */
export function checkLimit(
  subject: string,
  amount: number,
  limits: IngestLimits,
  name: IngestLimitName,
): void {
  if (amount > limits[name]) throw new LimitExceededError(describeLimit(subject, amount, limits, name));
}
