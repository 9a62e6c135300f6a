/**
 * loadScrapeConfigFiles: the files that `scrape_config_files` names, each with `scrape_configs` of its own.
 *
 *   scrape_config_files: [jobs/*.yml]      # the last element may have * ? [a-z]; relative to the file that says it
 *
 * Files are read in the order of the patterns, those of one pattern by name. A pattern that matches nothing is fine.
 */

import { basename, dirname, join } from "node:path";
import { ConfigError } from "../model/errors.js";
import type { ScrapeConfig } from "../scrape/scrape-config.js";
import { type ConfigPlace, pathIn } from "./config-place.js";
import type { GlobalConfig } from "./global-section.js";
import { readScrapeConfigs } from "./scrape-section.js";
import { openYaml } from "./yaml-file.js";
import type { YamlSection } from "./yaml-section.js";

/** The patterns, as absolute paths. Throws ConfigError. */
export function readScrapeConfigFiles(root: YamlSection, place: ConfigPlace): readonly string[] {
  const key = "scrape_config_files";
  const patterns = root.textList(key) ?? [];
  for (const pattern of patterns) {
    if (!/^[^*]*(?:\*[^/]*)?$/.test(pattern))
      root.fail(key, `must have * in the last element only, not "${pattern}"`);
  }
  return patterns.map((pattern) => pathIn(place, pattern)).filter((pattern) => pattern !== undefined);
}

export interface LoadedScrapeConfigs {
  readonly scrapeConfigs: readonly ScrapeConfig[];
  readonly warnings: readonly string[];
}

export interface LoadOptions {
  readonly globals: GlobalConfig;
  readonly environment: ConfigPlace["environment"];
  /** Of jobs that are there already. */
  readonly jobNames: Iterable<string>;
  readonly readFile: (path: string) => Promise<string>;
  /** Names in a directory, sorted; none when it does not exist. */
  readonly listFiles: (directory: string) => Promise<readonly string[]>;
}

/** Rejects with ConfigError, or with StorageError when a file cannot be read. */
export async function loadScrapeConfigFiles(
  patterns: readonly string[],
  { globals, environment, jobNames, readFile, listFiles }: LoadOptions,
): Promise<LoadedScrapeConfigs> {
  const scrapeConfigs: ScrapeConfig[] = [];
  const warnings: string[] = [];
  const seen = new Set(jobNames);
  for (const pattern of patterns) {
    const names = await listFiles(dirname(pattern));
    for (const name of names.filter((name) => matchesPattern(basename(pattern), name))) {
      const file = join(dirname(pattern), name);
      const opened = openYaml(await readFile(file), file);
      if (opened.root === undefined) continue;
      const place = { directory: dirname(file), environment };
      const configs = readScrapeConfigs(opened.root, globals, place);
      opened.root.finish();
      for (const { jobName } of configs) {
        if (seen.has(jobName)) throw new ConfigError(`${file}: "${jobName}" is the name of another job too`);
        seen.add(jobName);
      }
      scrapeConfigs.push(...configs);
      warnings.push(...opened.warnings);
    }
  }
  return { scrapeConfigs, warnings };
}

/** Whether a name matches `*`, `?`, `[a-z]` and `\x`, as in shells: all of it. */
export function matchesPattern(pattern: string, name: string): boolean {
  const [head = "", ...rest] = pattern.match(/\[\^?(?:\\.|[^\]\\])+\]|\\.|./gsu) ?? [];
  if (head === "") return name === "";
  const tail = rest.join("");
  if (head === "*")
    return matchesPattern(tail, name) || (name !== "" && matchesPattern(pattern, name.slice(1)));
  const [character = ""] = name;
  return (
    character !== "" && matchesOne(head, character) && matchesPattern(tail, name.slice(character.length))
  );
}

function matchesOne(head: string, character: string): boolean {
  if (head === "?") return true;
  if (head.startsWith("\\")) return head.slice(1) === character;
  if (!head.startsWith("[") || head === "[") return head === character;
  const isNegated = head[1] === "^";
  const ranges = head.slice(isNegated ? 2 : 1, -1).match(/(?:\\.|.)(?:-(?:\\.|.))?/gsu) ?? [];
  const isInside = ranges.some((range) => {
    const [low = "", high = low] = (range.match(/\\.|./gsu) ?? [])
      .filter((part, i) => part !== "-" || i !== 1)
      .map((part) => part.replace(/^\\(?=.)/u, ""));
    return low <= character && character <= high;
  });
  return isInside !== isNegated;
}
