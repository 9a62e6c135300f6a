/**
 * FamilyAllowance: counts what is read of a body into metric families, while it is read. A line of four bytes becomes
 * objects of several hundred.
 */

import { checkLimit, type IngestLimits } from "../limits.js";

/** What a sample is estimated to take until its group is stored, and each of its labels. */
const sampleSizeBytes = 768;
const labelSizeBytes = 64;

export class FamilyAllowance {
  readonly #limits: IngestLimits;
  readonly #take: (bytes: number) => void;
  #samples = 0;
  #families = 0;

  /** `take` is told of bytes before they are held, and throws when there is no room for them. */
  constructor(limits: IngestLimits, take: (bytes: number) => void = () => {}) {
    this.#limits = limits;
    this.#take = take;
  }

  /** Throws LimitExceededError, and as `take` does. */
  sample(labels: number): void {
    checkLimit("the body", ++this.#samples, this.#limits, "transactionSamplesMax");
    this.#take(sampleSizeBytes + labels * labelSizeBytes);
  }

  /** As many as samples may be declared. Throws LimitExceededError, and as `take` does. */
  family(): void {
    if (++this.#families > this.#limits.transactionSamplesMax)
      checkLimit("the body, in metric families,", this.#families, this.#limits, "transactionSamplesMax");
    this.#take(sampleSizeBytes);
  }
}
