/**
 * RefusalLog: the last pushes of which nobody can tell whose they were: without a right, over a rate, or broken.
 */

import type { TimestampMs } from "../../model/sample.js";
import type { PushRequest } from "../push/push.js";
import type { RefusedAdmission } from "./source-status.js";

const kept = 100;

export class RefusalLog {
  readonly #entries: RefusedAdmission[] = [];

  add({ protocol, sender }: PushRequest, reason: string, time: TimestampMs): void {
    this.#entries.push({ time, protocol, address: sender.address, reason });
    if (this.#entries.length > kept) this.#entries.shift();
  }

  newestFirst(): readonly RefusedAdmission[] {
    return [...this.#entries].reverse();
  }
}
