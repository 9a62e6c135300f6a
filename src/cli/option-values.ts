/**
 * Option values as text: addresses, times, durations, lists. Each throws Commander's error, which names the flag.
 */

import { InvalidArgumentError as InvalidOptionError } from "commander";
import { parseDuration } from "../model/duration.js";
import { TsdbError } from "../model/errors.js";
import { parseLabelPairs, parseRenames } from "../model/name-pairs.js";
import { parseTime } from "../model/rfc3339.js";
import { isTimestampMs, type TimestampMs } from "../model/sample.js";

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:9090`, `[::1]:9090`, or `:9090` for every address of the machine. */
export function listenAddress(text: string): ListenAddress {
  const parts = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(parts?.[3]);
  if (parts === null || port > 65_535) throw new InvalidOptionError("Write HOST:PORT, as 127.0.0.1:9090.");
  const host = parts[1] ?? parts[2] ?? "";
  return { host: host === "" ? "::" : host, port };
}

/** As `listenAddress` reads it. */
export function hostAndPort({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A URL of http or https without a path. */
export function originUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new InvalidOptionError("Write a URL, as https://metrics.example.org.");
  if (url.href !== `${url.origin}/`)
    throw new InvalidOptionError(
      "Leave out what stands behind the host: a reverse proxy can take the path away.",
    );
  return url;
}

/** RFC 3339, a date with or without a time of day (UTC), or seconds since the epoch. */
export function time(text: string): TimestampMs {
  const isSeconds = /^[+-]?\d+(?:\.\d+)?$/.test(text);
  const value = isSeconds ? Math.round(Number(text) * 1000) : parseTime(text);
  if (value === undefined || !isTimestampMs(value))
    throw new InvalidOptionError("Write 2010-06-01, 2010-06-01T12:00:00Z, or seconds since 1970.");
  return value;
}

/** Milliseconds of `5m`, `1h30m`, or of a number of seconds. */
export function durationMs(text: string): number {
  const value = /^\d+(?:\.\d+)?$/.test(text) ? Math.round(Number(text) * 1000) : parseDuration(text);
  if (value === undefined || value === 0)
    throw new InvalidOptionError("Write a duration, as 30s, 5m or 1h30m.");
  return value;
}

/** Bytes of `50GB`, `512MiB` or a plain number; all units are powers of 1024, as in Prometheus. */
export function sizeBytes(text: string): number {
  const parts = /^(\d+)\s*([KMGTPE]?)i?B?$/.exec(text);
  const value = parts === null ? 0 : Number(parts[1]) * 1024 ** " KMGTPE".indexOf(parts[2] || " ");
  if (value === 0 || !Number.isSafeInteger(value))
    throw new InvalidOptionError("Write a size, as 512MB or 50GB.");
  return value;
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value <= 0)
    throw new InvalidOptionError("Write a whole number above zero.");
  return value;
}

export function minutes(text: string): number {
  if (!/^[+-]?\d{1,4}$/.test(text)) throw new InvalidOptionError("Write a number of minutes, as -480.");
  return Number(text);
}

/** `a,b`; a repeated flag adds to the list. */
export function nameList(text: string, previous: readonly string[] = []): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  return [...previous, ...names.filter((name) => name !== "")];
}

/** A repeated flag adds to the list. */
export function repeated(text: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, text];
}

/** `site=home,room=attic`; a repeated flag adds. */
export function labelPairs(text: string, previous: Readonly<Record<string, string>> = {}) {
  return { ...previous, ...naming(() => parseLabelPairs(text)) };
}

/** `city,temp=room_celsius`; a repeated flag adds. */
export function renames(text: string, previous: Readonly<Record<string, string>> = {}) {
  return { ...previous, ...naming(() => parseRenames(text)) };
}

/** `\t` and `tab` stand for a tab, which is hard to type. */
export function delimiter(text: string): string {
  const character = text === "\\t" || text === "tab" ? "\t" : text;
  if ([...character].length !== 1) throw new InvalidOptionError("Write one character, or tab.");
  return character;
}

function naming<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof TsdbError) throw new InvalidOptionError(`${error.message}.`);
    throw error;
  }
}
