/**
 * Passwords: whether a user's password is right. bcrypt is slow by design, and runs on a thread: what was said of a
 * password is remembered, checks run one at a time, few of them wait for each address, and after a wrong guess there is a
 * pause, so that guessing keeps neither the server nor its users busy.
 *
 * What is remembered are keyed digests, whose key ends with the process; they have the user's hash in them, so that a new
 * password ends what was known of the old one.
 */

import { createHmac, randomBytes } from "node:crypto";
import type { Clock } from "../model/clock.js";
import { TooManyRequestsError } from "../model/errors.js";
import { PasswordThread } from "./password-thread.js";

const rememberedMax = 1000;
const waitingMax = 64;
const waitingPerAddressMax = 4;
const busyMs = 1000;
/** Of the time that a wrong guess took: on a thread, and on the one that serves. */
const pauseFactors = { thread: 1, inline: 4 };
/** Behind its cost, of a password that nobody has: an unknown user must take as long as a known one. */
const nobodysDigest = "CwTycUXWue0Thq9StjUM0uJ8.z2dVbRkY3pAMe3Z2r1Q9q6rQ5W6u";

export class Passwords {
  /** The bcrypt hash of each user's password. */
  #users: ReadonlyMap<string, string> = new Map();
  #nobodysHash = "";
  readonly #clock: Clock;
  readonly #thread: Pick<PasswordThread, "compare" | "isInline">;
  readonly #key = randomBytes(32);
  readonly #right = new Set<string>();
  readonly #wrong = new Set<string>();
  readonly #pending = new Map<string, Promise<boolean>>();
  /** By address, how many checks wait. */
  readonly #waiting = new Map<string, number>();
  #last: Promise<void> = Promise.resolve();

  constructor(
    clock: Clock,
    thread: Pick<PasswordThread, "compare" | "isInline"> = new PasswordThread({ clock }),
  ) {
    this.#clock = clock;
    this.#thread = thread;
  }

  get isEmpty(): boolean {
    return this.#users.size === 0;
  }

  /** `users` has the bcrypt hash by user; they take the place of those before. */
  configure(users: ReadonlyMap<string, string>): void {
    this.#users = users;
    const [hash = "$2b$10$"] = users.values();
    this.#nobodysHash = hash.slice(0, "$2b$10$".length) + nobodysDigest;
  }

  /** Rejects with TooManyRequestsError while too many wait for an answer, of the address or of all. */
  async check(user: string, password: string, address: string): Promise<boolean> {
    const hash = this.#users.get(user) ?? this.#nobodysHash;
    const digest = createHmac("sha256", this.#key)
      .update(JSON.stringify([user, hash, password]))
      .digest("base64");
    if (this.#right.has(digest)) return true;
    if (this.#wrong.has(digest)) return false;
    const pending = this.#pending.get(digest);
    if (pending !== undefined) return pending;
    this.#assertRoom(address);
    const answer = this.#compareInTurn(user, password, { hash, address });
    this.#pending.set(digest, answer);
    try {
      const isRight = await answer;
      remember(isRight ? this.#right : this.#wrong, digest);
      return isRight;
    } finally {
      this.#pending.delete(digest);
    }
  }

  #assertRoom(address: string): void {
    const ofAddress = this.#waiting.get(address) ?? 0;
    if (ofAddress < waitingPerAddressMax && this.#pending.size < waitingMax) return;
    throw new TooManyRequestsError("too many passwords wait to be checked; come again in 1 s", busyMs);
  }

  #compareInTurn(
    user: string,
    password: string,
    { hash, address }: { readonly hash: string; readonly address: string },
  ): Promise<boolean> {
    this.#countWaiting(address, 1);
    const answer = this.#last.then(async () => {
      const start = this.#clock.monotonic();
      const isEqual = await this.#thread.compare(password, hash);
      const isRight = isEqual && this.#users.get(user) === hash;
      const factor = this.#thread.isInline ? pauseFactors.inline : pauseFactors.thread;
      return { isRight, pauseMs: isRight ? 0 : (this.#clock.monotonic() - start) * factor };
    });
    this.#last = answer.then(
      ({ pauseMs }) => this.#pause(pauseMs),
      () => undefined,
    );
    return answer.then(({ isRight }) => isRight).finally(() => this.#countWaiting(address, -1));
  }

  #countWaiting(address: string, change: 1 | -1): void {
    const count = (this.#waiting.get(address) ?? 0) + change;
    if (count === 0) this.#waiting.delete(address);
    else this.#waiting.set(address, count);
  }

  #pause(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (durationMs === 0) resolve();
      else this.#clock.schedule(durationMs, resolve);
    });
  }
}

/** The one that was told longest ago makes room. */
function remember(digests: Set<string>, digest: string): void {
  digests.add(digest);
  if (digests.size <= rememberedMax) return;
  for (const oldest of digests) {
    digests.delete(oldest);
    return;
  }
}
