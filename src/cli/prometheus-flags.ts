/**
 * Flags with which a Prometheus is started and that do nothing here: taken, so that its command line starts this server
 * too, and told of by name. What would change what is stored or answered is not among them and stays an error.
 *
 * Source: `prometheus --help` of 3.5.
 */

import { type Command, Option } from "commander";

const later = "is not acted on yet";
const ofGo = "is not needed: it is about Go";
const ofUi = "is not needed: there are no such pages here";
const ofDisk = "is not needed: the log and the blocks here are others";
const always = "is not needed: that is always so here";

/** Those that have a value. */
const withValue: Readonly<Record<string, string>> = {
  "alertmanager.notification-batch-size": later,
  "alertmanager.notification-queue-capacity": later,
  "auto-gomemlimit.ratio": ofGo,
  "config.auto-reload-interval": `${later}: send SIGHUP, or POST to /-/reload`,
  "log.format": later,
  "log.level": later,
  "query.max-concurrency": later,
  "rules.alert.for-grace-period": later,
  "rules.alert.for-outage-tolerance": later,
  "rules.alert.resend-delay": later,
  "rules.max-concurrent-evals": later,
  "scrape.discovery-reload-interval": later,
  "scrape.timestamp-tolerance": later,
  "storage.remote.flush-deadline": later,
  "storage.remote.read-concurrent-limit": later,
  "storage.remote.read-max-bytes-in-frame": later,
  "storage.remote.read-sample-limit": later,
  "storage.tsdb.delayed-compaction.max-percent": ofDisk,
  "storage.tsdb.head-chunks-write-queue-size": ofDisk,
  "storage.tsdb.max-block-chunk-segment-size": ofDisk,
  "storage.tsdb.max-block-duration": ofDisk,
  "storage.tsdb.min-block-duration": ofDisk,
  "storage.tsdb.samples-per-chunk": ofDisk,
  "storage.tsdb.wal-compression-type": ofDisk,
  "storage.tsdb.wal-segment-size": ofDisk,
  "web.console.libraries": ofUi,
  "web.console.templates": ofUi,
  "web.max-connections": later,
  "web.max-notifications-subscribers": later,
  "web.page-title": ofUi,
  "web.read-timeout": later,
  "web.remote-write-receiver.accepted-protobuf-messages": later,
  "web.user-assets": ofUi,
};

/** Those that stand alone, and after `no-`. */
const alone: Readonly<Record<string, string>> = {
  "alertmanager.drain-notification-queue-on-shutdown": later,
  "auto-gomaxprocs": ofGo,
  "auto-gomemlimit": ofGo,
  "scrape.adjust-timestamps": later,
  "storage.tsdb.allow-overlapping-compaction": always,
  "storage.tsdb.no-lockfile": "is not acted on: one process has a directory",
  "storage.tsdb.wal-compression": ofDisk,
  "web.enable-remote-write-receiver": always,
};

export function addPrometheusFlags(command: Command): void {
  for (const name of Object.keys(withValue)) command.addOption(new Option(`--${name} <value>`).hideHelp());
  for (const name of Object.keys(alone))
    for (const flag of [name, `no-${name}`]) command.addOption(new Option(`--${flag}`).hideHelp());
}

export function isPrometheusFlag(name: string): boolean {
  return Object.hasOwn(withValue, name) || Object.hasOwn(alone, name.replace(/^no-/, ""));
}

/** A sentence for each of them that was given. */
export function unusedFlags(command: Command): readonly string[] {
  return command.options.flatMap((option) => {
    const name = option.long?.slice(2) ?? "";
    if (!isPrometheusFlag(name) || command.getOptionValueSource(option.attributeName()) !== "cli") return [];
    const isNegated = command.getOptionValue(option.attributeName()) === false;
    if (option.negate !== isNegated) return [];
    return [`--${name} ${withValue[name] ?? alone[name.replace(/^no-/, "")]}`];
  });
}
