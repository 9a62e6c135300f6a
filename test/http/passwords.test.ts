import { describe, expect, it } from "vitest";
import { PasswordThread } from "../../src/http/password-thread.js";
import { Passwords } from "../../src/http/passwords.js";
import { TooManyRequestsError } from "../../src/model/errors.js";
import { FakeClock } from "../support/fake-clock.js";

// Of "password", with the lowest cost.
const hash = "$2b$04$RCEWJubomEZghLl5Ffx60u8deSy9mHPgO7TUfeMget.bSxx2rKD8O";
const here = "127.0.0.1";

/** Checks that end when the test says so. */
class HeldChecks {
  readonly isInline = false;
  readonly asked: string[] = [];
  readonly #answers: ((isEqual: boolean) => void)[] = [];

  compare(password: string, against: string): Promise<boolean> {
    this.asked.push(`${password} ${against.slice(0, 7)}`);
    return new Promise((resolve) => this.#answers.push(resolve));
  }

  /** Answers what waits, one after the other, until nobody asks any more. */
  async answerAll(clock: FakeClock): Promise<void> {
    for (let idle = 0; idle < 20; idle++) {
      const answer = this.#answers.shift();
      if (answer === undefined) {
        clock.advance(1000);
        await Promise.resolve();
        continue;
      }
      idle = 0;
      clock.advance(5);
      answer(this.asked.at(-1)?.startsWith("password ") === true);
      await Promise.resolve();
    }
  }
}

function world(users: ReadonlyMap<string, string> = new Map([["alice", hash]])) {
  const clock = new FakeClock();
  const checks = new HeldChecks();
  const passwords = new Passwords(clock, checks);
  passwords.configure(users);
  return { clock, checks, passwords };
}

describe("Passwords", () => {
  it("check each pair once, whether it is right or wrong, and the same pair at once", async () => {
    const { clock, checks, passwords } = world();
    const first = [1, 2, 3].map(() => passwords.check("alice", "password", here));
    const wrong = [1, 2, 3].map(() => passwords.check("alice", "guess", here));
    await checks.answerAll(clock);
    expect(await Promise.all([...first, ...wrong])).toEqual([true, true, true, false, false, false]);
    expect(await passwords.check("alice", "password", here)).toBe(true);
    expect(await passwords.check("alice", "guess", here)).toBe(false);
    expect(checks.asked).toEqual(["password $2b$04$", "guess $2b$04$"]);
  });

  it("let a flood of guesses from one address wait by itself", async () => {
    const { clock, checks, passwords } = world();
    const flood = Array.from({ length: 100 }, (_, i) =>
      passwords.check("alice", `guess ${i}`, "192.0.2.1").catch((error: unknown) => error),
    );
    const honest = passwords.check("alice", "password", here);
    await checks.answerAll(clock);
    const refused = (await Promise.all(flood)).filter((answer) => answer instanceof TooManyRequestsError);
    expect([refused.length, await honest]).toEqual([96, true]);
    expect(checks.asked).toHaveLength(5);
  });

  it("let no more than so many wait from all addresses", async () => {
    const { clock, checks, passwords } = world();
    const flood = Array.from({ length: 100 }, (_, i) =>
      passwords.check("alice", `guess ${i}`, `192.0.2.${i}`).catch((error: unknown) => error),
    );
    await checks.answerAll(clock);
    expect((await Promise.all(flood)).filter((answer) => answer === false)).toHaveLength(64);
  });

  it("take as long for nobody as for a user", async () => {
    const { clock, checks, passwords } = world();
    const answer = passwords.check("mallory", "password", here);
    await checks.answerAll(clock);
    expect(await answer).toBe(false);
    expect(checks.asked).toEqual(["password $2b$04$"]);
  });

  it("forget what was right of a user whose password is another one", async () => {
    const { clock, checks, passwords } = world();
    const answer = passwords.check("alice", "password", here);
    await checks.answerAll(clock);
    expect(await answer).toBe(true);
    passwords.configure(new Map([["alice", hash.replace("$04$", "$05$")]]));
    const again = passwords.check("alice", "password", here);
    await checks.answerAll(clock);
    expect(await again).toBe(true);
    expect(checks.asked).toEqual(["password $2b$04$", "password $2b$05$"]);
    passwords.configure(new Map([["alice", hash]]));
    expect(await passwords.check("alice", "password", here)).toBe(true);
  });
});

describe("PasswordThread", () => {
  const built = new URL("../../dist/http/password-worker.js", import.meta.url);

  it("checks beside the main thread", async () => {
    const clock = new FakeClock();
    const thread = new PasswordThread({ clock, workerUrl: built });
    expect(await thread.compare("password", hash)).toBe(true);
    expect(await thread.compare("guess", hash)).toBe(false);
    clock.advance(11_000);
    expect(await thread.compare("password", hash)).toBe(true);
    expect(thread.isInline).toBe(false);
    clock.advance(11_000);
  });

  it("checks on the main thread where there is none", async () => {
    const workerUrl = new URL("./no-such-worker.js", import.meta.url);
    const thread = new PasswordThread({ clock: new FakeClock(), workerUrl });
    expect(await thread.compare("password", hash)).toBe(true);
    expect(await thread.compare("guess", hash)).toBe(false);
    expect(thread.isInline).toBe(true);
  });
});
