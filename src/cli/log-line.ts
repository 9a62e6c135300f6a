/**
 * logLine: an event as a line of the log.
 */

import type { DatabaseEvent } from "../api.js";
import { systemClock } from "../model/clock.js";
import { formatRfc3339 } from "../model/rfc3339.js";

/** `2026-01-02T03:04:05Z warning a sentence file=wal/1 offset=12`. */
export function logLine({ level, message, facts = {} }: DatabaseEvent): string {
  const pairs = Object.entries(facts).map(([name, value]) => ` ${name}=${quoteWhereNeeded(String(value))}`);
  return `${formatRfc3339(systemClock.now())} ${level} ${message}${pairs.join("")}`;
}

function quoteWhereNeeded(text: string): string {
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}
