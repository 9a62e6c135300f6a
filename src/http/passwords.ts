/**
 * Passwords: whether a user's password is right. bcrypt is slow by design, and runs on the thread that serves: what was
 * right is remembered by its digest, one check runs at a time, and after a wrong guess there is a pause, so that guessing
 * takes no more than a fifth of the server's time from others.
 */

import { createHash } from "node:crypto";
import bcrypt from "bcryptjs";
import type { Clock } from "../model/clock.js";
import { TooManyRequestsError } from "../model/errors.js";

const rememberedMax = 1000;
const waitingMax = 16;
const busyMs = 1000;
/** Of the time that a wrong guess took. */
const pauseFactor = 4;
/** Of a password that nobody has: an unknown user must take as long as a known one. */
const nobodysHash = "$2b$10$CwTycUXWue0Thq9StjUM0uJ8.z2dVbRkY3pAMe3Z2r1Q9q6rQ5W6u";

export class Passwords {
  readonly #users: ReadonlyMap<string, string>;
  readonly #clock: Clock;
  readonly #right = new Set<string>();
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  /** `users` has the bcrypt hash by user. */
  constructor(users: ReadonlyMap<string, string>, clock: Clock) {
    this.#users = users;
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#users.size === 0;
  }

  /** Rejects with TooManyRequestsError while too many wait for an answer. */
  async check(user: string, password: string): Promise<boolean> {
    const digest = createHash("sha256")
      .update(JSON.stringify([user, password]))
      .digest("base64");
    if (this.#right.has(digest)) return true;
    if (this.#waiting >= waitingMax)
      throw new TooManyRequestsError("too many passwords wait to be checked; come again in 1 s", busyMs);
    this.#waiting++;
    const answer = this.#last.then(() => this.#compare(user, password));
    this.#last = answer.then(({ pauseMs }) => this.#pause(pauseMs));
    const { isRight } = await answer;
    if (isRight) this.#remember(digest);
    return isRight;
  }

  async #compare(user: string, password: string): Promise<{ isRight: boolean; pauseMs: number }> {
    const start = this.#clock.monotonic();
    const isEqual = await bcrypt.compare(password, this.#users.get(user) ?? nobodysHash);
    this.#waiting--;
    const isRight = isEqual && this.#users.has(user);
    return { isRight, pauseMs: isRight ? 0 : (this.#clock.monotonic() - start) * pauseFactor };
  }

  #pause(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (durationMs === 0) resolve();
      else this.#clock.schedule(durationMs, resolve);
    });
  }

  #remember(digest: string): void {
    this.#right.add(digest);
    if (this.#right.size <= rememberedMax) return;
    for (const oldest of this.#right) {
      this.#right.delete(oldest);
      return;
    }
  }
}
