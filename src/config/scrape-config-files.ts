/**
 * loadScrapeConfigFiles: the files that `scrape_config_files` names, each with `scrape_configs` of its own.
 *
 *   scrape_config_files: [jobs/*.yml]      # * in the last element only, ? and [a-z] anywhere; relative to the file that says it
 *
 * Files are read in the order of the patterns, those of one pattern by name. A pattern that matches nothing is fine; a
 * name that does is a warning, as it is likely to be a slip.
 */

import { dirname } from "node:path";
import { globFiles } from "../discovery/glob-files.js";
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
}

/** Rejects with ConfigError, or with StorageError when a file cannot be read. */
export async function loadScrapeConfigFiles(
  patterns: readonly string[],
  { globals, environment, jobNames, readFile }: LoadOptions,
): Promise<LoadedScrapeConfigs> {
  const scrapeConfigs: ScrapeConfig[] = [];
  const warnings: string[] = [];
  const seen = new Set(jobNames);
  for (const pattern of patterns) {
    const files = await globFiles(pattern);
    if (files.length === 0 && !/[*?[]/.test(pattern))
      warnings.push(`scrape_config_files names ${pattern}, which is not there`);
    for (const file of files) {
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
      warnings.push(...opened.warnings());
    }
  }
  return { scrapeConfigs, warnings };
}
