/**
 * Times as text: RFC 3339, `2010-06-01T12:00:00.250Z` or with an offset as `+02:00`. Finer than a millisecond is cut.
 */

import type { TimestampMs } from "./sample.js";

const pattern = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** Undefined when `text` is no RFC 3339 time, or names a day or hour that does not exist. */
export function parseRfc3339(text: string): TimestampMs | undefined {
  const parts = pattern.exec(text);
  if (parts === null) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const offsetHour = Number(parts[9] ?? 0);
  const offsetMinute = Number(parts[10] ?? 0);
  if (hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const offsetMs = (offsetHour * 60 + offsetMinute) * 60_000 * (parts[8] === "-" ? -1 : 1);
  const fractionMs = Number((parts[7] ?? "").slice(0, 3).padEnd(3, "0"));
  return date.getTime() + (hour * 3600 + minute * 60 + second) * 1000 + fractionMs - offsetMs;
}

/** RFC 3339, or a date with or without a time of day but without a zone, which is taken as UTC. */
export function parseTime(text: string): TimestampMs | undefined {
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return parseRfc3339(`${text}T00:00:00Z`);
  const local = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d(?:\.\d+)?)?$/.exec(text);
  return parseRfc3339(local === null ? text : `${local[1]}T${local[2]}${local[3] ?? ":00"}Z`);
}

/** In UTC, with milliseconds only where there are some: `2010-06-01T12:00:00Z`. */
export function formatRfc3339(time: TimestampMs): string {
  return new Date(time).toISOString().replace(".000Z", "Z");
}
