/**
 * `narthex sources`: who pushes to a running server, a line each, and below what was refused last.
 *
 *   job         instance  state  last push  next in  reason                 series  accepted  rejected
 *   greenhouse  gh-01     up     12s ago    48s      it pushes as expected      14      5208         0
 */

import type { Command } from "commander";
import { systemClock } from "../model/clock.js";
import { formatDuration } from "../model/duration.js";
import { parseRfc3339 } from "../model/rfc3339.js";
import type { TimestampMs } from "../model/sample.js";
import { DEFAULT_URL } from "./connection.js";
import { RemoteDatabase } from "./remote-database.js";
import { layOut } from "./result-table.js";
import type { Terminal } from "./terminal.js";

/** What `/api/v1/sources` answers, as far as it is shown. */
export interface SourcesAnswer {
  readonly sources: readonly {
    readonly job: string;
    readonly instance: string;
    readonly state: string;
    readonly reason: string;
    readonly series: number;
    readonly samplesAccepted: number;
    readonly samplesRejected: number;
    readonly lastPush: string | null;
    readonly nextExpected: string | null;
  }[];
  readonly refused: readonly {
    readonly time: string;
    readonly protocol: string;
    readonly address: string;
    readonly reason: string;
  }[];
}

/** Of pushes of nobody knows whom. */
const refusedShown = 10;

interface SourcesOptions {
  readonly url: string;
  readonly job?: string;
  readonly json?: boolean;
}

export function addSourcesCommand(program: Command, terminal: Terminal): void {
  program
    .command("sources")
    .description("who pushes to a running server: state, last push, when the next is due, what was refused")
    .option("--url <url>", "the server to ask", DEFAULT_URL)
    .option("--job <name>", "of this job only")
    .option("--json", "everything that is known, as JSON")
    .addHelpText("after", "\nExample:\n  narthex sources --job greenhouse")
    .action(async ({ url, job, json }: SourcesOptions) => {
      const query = job === undefined ? "" : `?${new URLSearchParams({ job })}`;
      const answer = (await new RemoteDatabase(url).get(`/api/v1/sources${query}`)) as SourcesAnswer;
      terminal.write(
        json === true ? JSON.stringify(answer, null, 2) : formatSources(answer, systemClock.now()),
      );
    });
}

export function formatSources({ sources, refused }: SourcesAnswer, now: TimestampMs): string {
  const header = [
    "job",
    "instance",
    "state",
    "last push",
    "next in",
    "reason",
    "series",
    "accepted",
    "rejected",
  ];
  const lines = sources.map((source) => [
    source.job,
    source.instance,
    source.state,
    ago(source.lastPush, now),
    source.nextExpected === null ? "" : duration((parseRfc3339(source.nextExpected) ?? now) - now),
    source.reason,
    ...[source.series, source.samplesAccepted, source.samplesRejected].map(String),
  ]);
  const table = sources.length === 0 ? "nobody pushes" : layOut(header, lines, 3);
  const shown = refused.slice(0, refusedShown).map(({ time, protocol, address, reason }) => {
    return `refused ${ago(time, now)}, ${protocol} from ${address}: ${reason}`;
  });
  return [table, ...shown].join("\n");
}

function ago(time: string | null, now: TimestampMs): string {
  return time === null ? "never" : `${duration(Math.max(0, now - (parseRfc3339(time) ?? now)))} ago`;
}

/** In whole seconds. */
function duration(durationMs: number): string {
  return formatDuration(Math.round(durationMs / 1000) * 1000);
}
