/**
 * EventWatch: tells a source that pushes events from one that pushes metrics. Events make series of one sample each,
 * because an identifier of the event is a label; metrics come again.
 *
 * The rule: new series are counted in cohorts of a thousand. A cohort is judged when an hour has passed and the source
 * has pushed ten times since it was complete. When not one series in a hundred has had a second sample by then, no new
 * series are taken for an hour; those that are known keep flowing. A series that left and comes back (a cron job's
 * result, seen again tomorrow) counts as one that came again: cohorts remember hashes until they are judged.
 */

import type { Labels } from "../../model/labels.js";
import { METRIC_NAME, quoteText } from "../../model/labels.js";
import type { TimestampMs } from "../../model/sample.js";

const cohortSeries = 1000;
const returnedMin = 10;
const judgedAfterMs = 3_600_000;
const judgedAfterPushes = 10;
const refusedForMs = 3_600_000;
/** While so many wait to be judged, what begins is not watched. */
const waitingMax = 20;
const namedMax = 20;
/** A power of two. Most sources have a few series, and there may be a hundred thousand of them. */
const smallestTable = 16;

/** A thousand series that began one after the other. */
export class Cohort {
  began = 0;
  returned = 0;
  completeAt: TimestampMs = Infinity;
  completeAtPush = Infinity;
  /** The first ones, to tell which label is at fault. */
  readonly first: Labels[] = [];
  /** Hashes of labels, each at its place or behind it; 0 is none. At most half full. */
  #hashes = new Int32Array(smallestTable);

  add(labels: Labels): void {
    this.began++;
    if (this.first.length < namedMax) this.first.push(labels);
    if (this.began * 2 > this.#hashes.length) this.#grow();
    this.#hashes[this.#placeOf(labels.hash())] = labels.hash();
  }

  has(labels: Labels): boolean {
    return this.#hashes[this.#placeOf(labels.hash())] !== 0;
  }

  /** Where the hash is, or belongs. */
  #placeOf(hash: number): number {
    const mask = this.#hashes.length - 1;
    let place = hash & mask;
    while (this.#hashes[place] !== 0 && this.#hashes[place] !== hash) place = (place + 1) & mask;
    return place;
  }

  #grow(): void {
    const before = this.#hashes;
    this.#hashes = new Int32Array(2 * before.length);
    for (const hash of before) if (hash !== 0) this.#hashes[this.#placeOf(hash)] = hash;
  }
}

export class EventWatch {
  #growing: Cohort | undefined;
  readonly #complete: Cohort[] = [];
  #refusedUntil: TimestampMs = -Infinity;
  #message = "";

  /** Why no new series is taken now; undefined when one is. */
  refusal(now: TimestampMs): string | undefined {
    return now < this.#refusedUntil ? this.#message : undefined;
  }

  /** A series begins. Its cohort's `returned` is to be counted up when it has its second sample. */
  began(labels: Labels, now: TimestampMs, pushes: number): Cohort | undefined {
    const isKnown = (cohort: Cohort) => cohort.has(labels);
    const earlier = this.#growing?.has(labels) ? this.#growing : this.#complete.find(isKnown);
    if (earlier !== undefined) {
      earlier.returned++;
      return undefined;
    }
    if (this.#complete.length >= waitingMax) return undefined;
    this.#growing ??= new Cohort();
    const cohort = this.#growing;
    cohort.add(labels);
    if (cohort.began < cohortSeries) return cohort;
    cohort.completeAt = now;
    cohort.completeAtPush = pushes;
    this.#complete.push(cohort);
    this.#growing = undefined;
    return cohort;
  }

  /** To be called at each push. */
  judge(now: TimestampMs, pushes: number): void {
    const [cohort] = this.#complete;
    if (cohort === undefined) return;
    if (now - cohort.completeAt < judgedAfterMs || pushes - cohort.completeAtPush < judgedAfterPushes) return;
    this.#complete.shift();
    if (cohort.returned >= returnedMin) return;
    this.#refusedUntil = now + refusedForMs;
    this.#message = describeAbuse(cohort);
  }
}

function describeAbuse({ began, returned, first }: Cohort): string {
  const label = everNewLabel(first);
  const which = label === undefined ? "" : `; the label ${quoteText(label)} has a new value in each`;
  return (
    `of ${began} series ${returned === 0 ? "none" : `only ${returned}`} had a second sample${which}: these are events, not metrics; leave the ` +
    "label out and count the events instead, new series are taken again in an hour"
  );
}

/** The label that has another value in each of these label sets. */
function everNewLabel(labelSets: readonly Labels[]): string | undefined {
  const [labels] = labelSets;
  if (labels === undefined) return undefined;
  return [...labels]
    .map(([name]) => name)
    .find((name) => {
      const values = new Set(labelSets.map((other) => other.get(name)));
      return name !== METRIC_NAME && values.size === labelSets.length;
    });
}
