/**
 * ULIDs: the names of blocks, which sort by the time of their making.
 *
 *   ┌───────────────────────────────┬──────────────────────┐
 *   │ time: ms since the epoch, u48 │ random, 80 bits      │   as 26 characters of Crockford's base 32,
 *   │ 10 characters                 │ 16 characters        │   five bits each, highest first
 *   └───────────────────────────────┴──────────────────────┘
 *
 * Source: https://github.com/ulid/spec.
 */

import { assert } from "../../model/assert.js";
import type { Clock } from "../../model/clock.js";

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const pattern = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const timeLength = 10;
const randomLength = 16;
const randomSizeBytes = 10;
/** The year 6429. A name with a later time is not one that a clock gave: times after it would soon be out of range. */
const timeMax = 2 ** 47;

/** Makes a new ULID with each call. */
export type UlidSource = () => string;

/** `randomBytes` gives that many unpredictable bytes, as node:crypto's does. */
export function ulidSource(clock: Clock, randomBytes: (sizeBytes: number) => Uint8Array): UlidSource {
  return () => encodeTime(clock.now()) + encodeRandom(randomBytes(randomSizeBytes));
}

/**
 * A clock that gives each time once, and only times after those of `ulids`, also when it was set back: so a block that
 * is made later has the greater ULID.
 */
export function increasingClock(clock: Clock, ulids: readonly string[]): Clock {
  const times = ulids.map(decodeTime).filter((time) => time < timeMax);
  let last = Math.max(-Infinity, ...times);
  return {
    now() {
      last = Math.max(clock.now(), last + 1);
      return last;
    },
    monotonic: () => clock.monotonic(),
    schedule: (delayMs, task) => clock.schedule(delayMs, task),
  };
}

export function isUlid(text: string): boolean {
  return pattern.test(text);
}

function encodeTime(time: number): string {
  assert(Number.isInteger(time) && time >= 0 && time < 2 ** 48, "the clock is past 1970");
  let text = "";
  for (let i = 0, rest = time; i < timeLength; i++, rest = Math.floor(rest / 32)) {
    text = alphabet[rest % 32] + text;
  }
  return text;
}

function decodeTime(ulid: string): number {
  let time = 0;
  for (const character of ulid.slice(0, timeLength)) time = time * 32 + alphabet.indexOf(character);
  return time;
}

function encodeRandom(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < randomLength; i++) {
    const bit = i * 5;
    const pair = (bytes[bit >>> 3]! << 8) | (bytes[(bit >>> 3) + 1] ?? 0);
    text += alphabet[(pair >>> (11 - (bit & 7))) & 31];
  }
  return text;
}
