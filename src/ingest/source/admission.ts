/**
 * Admission: how many pushes may come in, and how often from one pusher. Checked before anything of a body is read.
 *
 * Who pushes is known by credential and instance where the request says it, else by credential and address: so that
 * one of many who share a token cannot use up what the others may. Debts are their own pusher's: a body that is larger
 * than its pusher's bucket takes from the bucket of all only what it had.
 */

import type { Clock } from "../../model/clock.js";
import { TooManyRequestsError } from "../../model/errors.js";
import type { TimestampMs } from "../../model/sample.js";
import type { PushBudgets, PushLimits } from "./push-config.js";
import { TokenBucket } from "./token-bucket.js";

/** A pusher may have this part of all pushes that are under way. */
const sharePerPusher = 0.5;
const pushersMax = 20_000;
const busyMs = 1000;
/** A body of a pusher without a rate of its own keeps all others waiting no longer. */
const commonDebtMaxSeconds = 1;
/** A body that has brought its pusher deeper into debt than this is left in its middle. */
export const overdrawnSeconds = 10;
/** What one transaction of a pusher with a small rate may cost it beyond that is forgiven. */
const debtMaxSeconds = 60;

export class Admission {
  readonly #budgets: PushBudgets;
  readonly #clock: Clock;
  readonly #samples: TokenBucket;
  readonly #pushers = new Map<string, Pusher>();
  #underWay = 0;

  constructor(budgets: PushBudgets, clock: Clock) {
    this.#budgets = budgets;
    this.#clock = clock;
    this.#samples = new TokenBucket(budgets.samplesPerSecond, clock.now(), commonDebtMaxSeconds);
  }

  /** Throws TooManyRequestsError. The ticket is to be ended. */
  admit(name: string, limits: PushLimits): Ticket {
    const now = this.#clock.now();
    const pusher = this.#pusher(name, limits, now);
    const { pushesMax, samplesPerSecond } = this.#budgets;
    if (this.#underWay >= pushesMax)
      throw tooMany(`${pushesMax} pushes are under way; no more are taken at once`, busyMs);
    if (pusher.underWay >= Math.max(1, pushesMax * sharePerPusher))
      throw tooMany(`${pusher.underWay} pushes of this sender are under way; wait for their answers`, busyMs);
    check(pusher.requests, `more than ${limits.requestsPerSecond} requests a second; send more in each`, now);
    check(pusher.samples, `more than ${limits.samplesPerSecond} samples a second`, now);
    check(this.#samples, `more than ${samplesPerSecond} samples a second of all who push`, now);
    pusher.requests.take(1, now);
    pusher.underWay++;
    this.#underWay++;
    return new PlaceUnderWay(this, pusher);
  }

  /** What a pusher has read is paid for by its rate, and by that of all. */
  spend(pusher: Pusher, samples: number): void {
    const now = this.#clock.now();
    const covered = pusher.samples.take(samples, now);
    this.#samples.take(covered, now);
  }

  isOverdrawn(pusher: Pusher): boolean {
    return pusher.samples.waitMs(this.#clock.now()) > overdrawnSeconds * 1000 + 1;
  }

  end(pusher: Pusher): void {
    pusher.underWay--;
    this.#underWay--;
  }

  #pusher(name: string, limits: PushLimits, now: TimestampMs): Pusher {
    const known = this.#pushers.get(name);
    if (known !== undefined) return known;
    if (this.#pushers.size >= pushersMax) this.#forgetIdle(now);
    const pusher = {
      requests: new TokenBucket(limits.requestsPerSecond, now),
      samples: new TokenBucket(limits.samplesPerSecond, now, debtMaxSeconds),
      underWay: 0,
    };
    this.#pushers.set(name, pusher);
    return pusher;
  }

  /** A pusher with full buckets is as one that was never seen. */
  #forgetIdle(now: TimestampMs): void {
    for (const [name, { requests, samples, underWay }] of this.#pushers) {
      if (underWay === 0 && requests.isFull(now) && samples.isFull(now)) this.#pushers.delete(name);
    }
    if (this.#pushers.size >= pushersMax)
      throw tooMany(`${pushersMax} senders push at once; no more are taken`, busyMs);
  }
}

/** A place among the pushes that are under way. */
export interface Ticket {
  spend(samples: number): void;
  /** Whether what was spent is so far beyond the rate that no more is to be read. */
  isOverdrawn(): boolean;
  end(): void;
}

class PlaceUnderWay implements Ticket {
  readonly #admission: Admission;
  readonly #pusher: Pusher;

  constructor(admission: Admission, pusher: Pusher) {
    this.#admission = admission;
    this.#pusher = pusher;
  }

  spend(samples: number): void {
    this.#admission.spend(this.#pusher, samples);
  }

  isOverdrawn(): boolean {
    return this.#admission.isOverdrawn(this.#pusher);
  }

  end(): void {
    this.#admission.end(this.#pusher);
  }
}

interface Pusher {
  readonly requests: TokenBucket;
  readonly samples: TokenBucket;
  underWay: number;
}

function check(bucket: TokenBucket, what: string, now: TimestampMs): void {
  const waitMs = bucket.waitMs(now);
  if (waitMs > 0) throw tooMany(what, waitMs);
}

function tooMany(what: string, retryAfterMs: number): TooManyRequestsError {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  return new TooManyRequestsError(`${what}; come again in ${seconds} s`, retryAfterMs);
}
