/**
 * serveFlags: the options of `narthex serve` as `/api/v1/status/flags` has them: all of them, as text, by their names.
 */

import type { Command, Option } from "commander";
import { formatDuration } from "../model/duration.js";
import { formatSize } from "../server/server-facts.js";
import { hostAndPort, type ListenAddress } from "./option-values.js";
import { isPrometheusFlag } from "./prometheus-flags.js";

/** Durations and sizes among the numbers. */
const durations = new Set(["storage.tsdb.retention.time", "query.lookback-delta", "query.timeout"]);
const sizes = new Set(["storage.tsdb.retention.size"]);

/** What holds where nothing is said. */
const defaults: Readonly<Record<string, string>> = {
  "storage.tsdb.block-encoding": "adaptive",
  "storage.tsdb.retention.time": "0s",
  "storage.tsdb.retention.size": "0B",
  "query.lookback-delta": "5m",
  "query.timeout": "2m",
  "query.max-samples": "50000000",
};

export function serveFlags(command: Command): Readonly<Record<string, string>> {
  const acted = command.options.filter(({ long }) => !isPrometheusFlag(long?.slice(2) ?? ""));
  const entries = acted.map((option): [string, string] => {
    const name = nameOf(option);
    const value: unknown = command.getOptionValue(option.attributeName());
    return [name, value === undefined ? defaultOf(option, name) : textOf(name, value)];
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Prometheus' name, where there are two. */
function nameOf({ short, long }: Option): string {
  return (short?.startsWith("--") ? short : long!).slice(2);
}

function defaultOf(option: Option, name: string): string {
  return defaults[name] ?? (option.isBoolean() ? "false" : "");
}

function textOf(name: string, value: unknown): string {
  if (typeof value === "number" && durations.has(name)) return formatDuration(value);
  if (typeof value === "number" && sizes.has(name)) return formatSize(value);
  if (Array.isArray(value)) return value.join(",");
  if (value instanceof URL) return value.href;
  return typeof value === "object" ? hostAndPort(value as ListenAddress) : String(value);
}
