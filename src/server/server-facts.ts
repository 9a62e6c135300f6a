/**
 * serverFacts: what the server's process is and was told, for whoever asks.
 */

import { hostname } from "node:os";
import type { DatabaseOptions } from "../api.js";
import type { ServerFacts } from "../http/routes/status.js";
import type { Clock } from "../model/clock.js";
import { formatDuration } from "../model/duration.js";

export interface ServerFactsOptions
  extends Pick<ServerFacts, "config" | "externalUrl" | "flags" | "reloads"> {
  readonly clock: Clock;
  readonly database: Pick<DatabaseOptions, "retentionMs" | "retentionSizeBytes">;
}

/** To be called when the process begins to serve. */
export function serverFacts({ clock, database, ...others }: ServerFactsOptions): ServerFacts {
  return {
    ...others,
    startedAt: clock.now(),
    directory: process.cwd(),
    hostname: hostname(),
    retention: describeRetention(database),
  };
}

function describeRetention({
  retentionMs = 0,
  retentionSizeBytes = 0,
}: ServerFactsOptions["database"]): string {
  const limits = [
    retentionMs > 0 && formatDuration(retentionMs),
    retentionSizeBytes > 0 && formatSize(retentionSizeBytes),
  ];
  return limits.filter((limit) => limit !== false).join(" or ");
}

/** In the largest unit that gives a whole number, as `50GB`; units are powers of 1024. */
export function formatSize(sizeBytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  let count = sizeBytes;
  while (count >= 1024 && count % 1024 === 0 && unit < units.length - 1) {
    count /= 1024;
    unit++;
  }
  return `${count}${units[unit]}`;
}
