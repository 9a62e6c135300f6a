/**
 * fileLookout: targets in files that other programs or people write, JSON or YAML, seen as soon as they change.
 *
 * A file that is gone takes its targets along. One that cannot be read, is malformed or half written keeps those it had.
 *
 * Source: Prometheus `discovery/file/file.go`.
 */

import { dirname } from "node:path";
import { fileExists, watchDirectory } from "../local-files.js";
import type { Clock } from "../model/clock.js";
import { TsdbError } from "../model/errors.js";
import type { TargetGroup } from "./discovery.js";
import type { FileDiscoveryConfig } from "./discovery-config.js";
import { globFiles, isPattern } from "./glob-files.js";
import type { Lookout } from "./refreshing-discovery.js";
import { SettledFiles } from "./settled-files.js";
import { parseJsonGroups, parseYamlGroups } from "./target-group-text.js";

const fileSizeMaxBytes = 64 * 1024 * 1024;

export function fileLookout(config: FileDiscoveryConfig, clock: Clock): Lookout {
  const settled = new SettledFiles({ clock, sizeMaxBytes: fileSizeMaxBytes });
  /** Files whose targets were told, and files that could not be read. */
  let known: readonly string[] = [];
  return {
    kind: "file",
    place: config.files.join(", "),
    intervalMs: config.refreshIntervalMs,
    async look(onGroups) {
      const problems: string[] = [];
      const paths = new Set<string>();
      const unseen: string[] = [];
      for (const pattern of config.files) {
        try {
          for (const path of await globFiles(pattern)) paths.add(path);
        } catch (error) {
          problems.push(messageOf(error));
          unseen.push(
            ...known.filter((path) => isPattern(dirname(pattern)) || dirname(path) === dirname(pattern)),
          );
        }
      }
      const found = await Promise.all([...paths].sort().map((path) => readGroups(settled, path)));
      for (const { path, groups, problem } of found) {
        if (groups !== undefined) onGroups(path, groups);
        if (problem !== undefined) problems.push(problem);
      }
      const seen = new Set([...paths, ...unseen]);
      for (const path of known) if (!seen.has(path)) onGroups(path, []);
      known = [...seen];
      settled.keepOnly(seen);
      return problems;
    },
    watch(onChange) {
      const directories = new Set(config.files.map(dirname).filter((path) => !isPattern(path)));
      const closers = [...directories].map((directory) => watchDirectory(directory, onChange));
      return () => {
        for (const close of closers) close();
      };
    },
  };
}

interface FoundGroups {
  readonly path: string;
  readonly groups?: readonly TargetGroup[];
  /** Why there are none. Without it, the file went away this moment, as the next look will see. */
  readonly problem?: string;
}

async function readGroups(settled: SettledFiles, path: string): Promise<FoundGroups> {
  try {
    const { text } = await settled.read(path);
    const parse = path.toLowerCase().endsWith(".json") ? parseJsonGroups : parseYamlGroups;
    return { path, groups: parse(text, { __meta_filepath: path }) };
  } catch (error) {
    const problem = messageOf(error);
    if (!(await fileExists(path).catch(() => true))) return { path };
    return { path, problem: problem.includes(path) ? problem : `${path}: ${problem}` };
  }
}

/** Of what is the world's fault; ours goes on. */
function messageOf(error: unknown): string {
  if (error instanceof TsdbError) return error.message;
  throw error;
}
