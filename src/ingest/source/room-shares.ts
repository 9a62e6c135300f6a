/**
 * RoomShares: how room that jobs share is divided. Each job that is configured is promised its part of half of it, so that
 * who makes up instances with the token of one does not shut out the others; all else is for whoever comes. Where one
 * job is configured, or none, nothing is promised. Where none is, some may be kept from a job that has the larger part.
 */

interface CountOfJob {
  promised: number;
  used: number;
}

/** Of the room, this part is promised. */
const promisedPart = 0.5;
/** A job that has more than this part of it may not have the last of it. */
const largePart = 0.5;
const noJobs: readonly string[] = [];

export class RoomShares {
  readonly #keptPart: number;
  #max: number;
  #jobs = noJobs;
  #used = 0;
  /** Promised, and not used yet. */
  #kept = 0;
  readonly #byJob = new Map<string, CountOfJob>();

  /** `keptPart` of the room is kept from a job that has most of it, where no jobs are configured. */
  constructor(max: number, keptPart = 0) {
    this.#max = max;
    this.#keptPart = keptPart;
  }

  /** Says how much room there is, and for whom. Costs nothing while it is the same. */
  divide(max: number, jobs: readonly string[]): void {
    if (max === this.#max && jobs === this.#jobs) return;
    this.#max = max;
    this.#jobs = jobs;
    const each = jobs.length < 2 ? 0 : Math.floor((max * promisedPart) / jobs.length);
    for (const count of this.#byJob.values()) count.promised = 0;
    for (const job of each === 0 ? noJobs : jobs) this.#countOf(job).promised = each;
    this.#kept = 0;
    for (const [job, count] of this.#byJob) {
      this.#kept += keptOf(count);
      this.#forgetIdle(job, count);
    }
  }

  usedBy(job: string): number {
    return this.#byJob.get(job)?.used ?? 0;
  }

  /** `change` may be negative. */
  use(job: string, change: number): void {
    const count = this.#countOf(job);
    this.#kept -= keptOf(count);
    count.used += change;
    this.#used += change;
    this.#kept += keptOf(count);
    this.#forgetIdle(job, count);
  }

  /** Why the job cannot have so much more: all is used, or what is left is kept for others; undefined when it can. */
  lack(job: string, wanted = 1): "full" | "kept" | undefined {
    if (this.#used + wanted > this.#max) return "full";
    const own = this.#byJob.get(job);
    const isLarge = this.#jobs.length === 0 && (own?.used ?? 0) + wanted > this.#max * largePart;
    if (isLarge && this.#used + wanted > this.#max - Math.floor(this.#max * this.#keptPart)) return "kept";
    const keptForOthers = this.#kept - (own === undefined ? 0 : keptOf(own));
    return this.#used + wanted + keptForOthers > this.#max ? "kept" : undefined;
  }

  #countOf(job: string): CountOfJob {
    let count = this.#byJob.get(job);
    if (count === undefined) {
      count = { promised: 0, used: 0 };
      this.#byJob.set(job, count);
    }
    return count;
  }

  #forgetIdle(job: string, { promised, used }: CountOfJob): void {
    if (promised === 0 && used === 0) this.#byJob.delete(job);
  }
}

function keptOf({ promised, used }: CountOfJob): number {
  return Math.max(0, promised - used);
}
