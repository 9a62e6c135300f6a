/**
 * readStorage: the `storage` section, in Prometheus' words and one more: `rules` of retention, for series of their own.
 *
 *   storage:
 *     tsdb:
 *       retention:
 *         time: 2y                       # 0s keeps for ever, as does leaving it out
 *         size: 50GB
 *         rules:                         # the first that matches counts
 *           - match: '{job="debug"}'
 *             time: 7d
 */

import type { DatabaseOptions, RetentionRule } from "../api.js";
import { definedOnly } from "../model/defined-only.js";
import { ParseError } from "../model/errors.js";
import { parseSelector } from "../query/parser/parse.js";
import type { YamlSection } from "./yaml-section.js";

export type StorageConfig = Pick<DatabaseOptions, "retentionMs" | "retentionSizeBytes" | "retentionRules">;

/** Throws ConfigError at the field that is wrong. */
export function readStorage(section: YamlSection | undefined): StorageConfig {
  const tsdb = section?.section("tsdb");
  const retention = tsdb?.section("retention");
  const storage = retention === undefined ? {} : readRetention(retention);
  tsdb?.notNeeded("out_of_order_time_window", "samples of any age are taken in any order", "duration");
  tsdb?.notYet(["stale_series_compaction_threshold"], "number");
  tsdb?.notYet(["chunk_encoding"], "section");
  tsdb?.finish();
  const exemplars = section?.section("exemplars");
  exemplars?.notYet(["max_exemplars"], "integer");
  exemplars?.finish();
  section?.finish();
  return Object.freeze(storage);
}

function readRetention(section: YamlSection): StorageConfig {
  const rules = section.has("rules") ? section.sections("rules").map(readRule) : undefined;
  const storage = definedOnly({
    retentionMs: section.duration("time"),
    retentionSizeBytes: section.sizeBytes("size"),
    retentionRules: rules,
  });
  section.notYet(["percentage"]);
  section.finish();
  return storage;
}

function readRule(section: YamlSection): RetentionRule {
  const match = section.text("match") ?? section.fail("match", "must be given");
  const retentionMs = section.duration("time") ?? section.fail("time", "must be given; 0s keeps for ever");
  section.finish();
  try {
    parseSelector(match);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const place = `character ${error.position.start + 1} of ${match}`;
    section.fail("match", `must be a selector such as {job="x"}: ${error.message}, at ${place}`);
  }
  return { match, retentionMs };
}
