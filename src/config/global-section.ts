/**
 * readGlobal: the section `global`: what holds for every job that does not say otherwise, and the labels of this server.
 *
 * Source: Prometheus configuration, `<global>` and the keys of `<scrape_config>` that are there too.
 */

import { Labels } from "../model/labels.js";
import { type NameValidation, nameValidations } from "../relabel/name-validation.js";
import {
  defaultScrapeProtocols,
  type NameEscaping,
  nameEscapings,
  noScrapeLimits,
  type ScrapeLimits,
  type ScrapeProtocol,
  scrapeProtocols,
} from "../scrape/scrape-config.js";
import { type ConfigPlace, expandVariables } from "./config-place.js";
import type { YamlSection } from "./yaml-section.js";

/** What jobs take over. */
export interface ScrapeDefaults extends ScrapeLimits {
  readonly intervalMs: number;
  /** At most `intervalMs`. */
  readonly timeoutMs: number;
  readonly protocols: readonly ScrapeProtocol[];
  readonly nameValidation: NameValidation;
  readonly nameEscaping: NameEscaping;
  readonly extraScrapeMetrics: boolean;
}

export interface GlobalConfig extends ScrapeDefaults {
  /** Of this server, for what leaves it: federation, remote write, alerts. What is stored here does not get them. */
  readonly externalLabels: Labels;
}

export const defaultGlobalConfig: GlobalConfig = {
  ...noScrapeLimits,
  intervalMs: 60_000,
  timeoutMs: 10_000,
  protocols: defaultScrapeProtocols,
  nameValidation: "utf8",
  nameEscaping: "allow-utf-8",
  extraScrapeMetrics: false,
  externalLabels: Labels.from([]),
};

/** Throws ConfigError. */
export function readGlobal(section: YamlSection | undefined, place: ConfigPlace): GlobalConfig {
  if (section === undefined) return defaultGlobalConfig;
  const globals = {
    ...readScrapeDefaults(section, defaultGlobalConfig),
    externalLabels: readExternalLabels(section, place),
  };
  section.notYet(["evaluation_interval", "rule_query_offset"], "duration");
  section.notYet(["query_log_file"], "text");
  section.finish();
  return globals;
}

/** The keys that `global` and jobs have in common. */
export function readScrapeDefaults(section: YamlSection, defaults: ScrapeDefaults): ScrapeDefaults {
  section.notYet(["scrape_failure_log_file"], "text");
  section.notYet(["scrape_native_histograms", "always_scrape_classic_histograms"], "flag");
  section.notYet(["convert_classic_histograms_to_nhcb"], "flag");
  return {
    ...readClockwork(section, defaults),
    ...readNames(section, defaults),
    ...readLimits(section, defaults),
    protocols: readProtocols(section) ?? defaults.protocols,
    extraScrapeMetrics: section.flag("extra_scrape_metrics") ?? defaults.extraScrapeMetrics,
  };
}

/** The interval, and the timeout, which is cut to the interval unless it was given. Zero is as if left out. */
function readClockwork(section: YamlSection, defaults: ScrapeDefaults) {
  const intervalMs = section.duration("scrape_interval") || defaults.intervalMs;
  const timeoutMs = section.duration("scrape_timeout") || Math.min(defaults.timeoutMs, intervalMs);
  if (timeoutMs > intervalMs) section.fail("scrape_timeout", "must not be longer than scrape_interval");
  return { intervalMs, timeoutMs };
}

function readNames(section: YamlSection, defaults: ScrapeDefaults) {
  const nameValidation =
    section.oneOfOrEmpty("metric_name_validation_scheme", nameValidations) ?? defaults.nameValidation;
  const given = section.oneOfOrEmpty("metric_name_escaping_scheme", nameEscapings);
  const isLegacy = nameValidation === "legacy";
  if (isLegacy && given === "allow-utf-8")
    section.fail(
      "metric_name_escaping_scheme",
      "must not be allow-utf-8 where metric_name_validation_scheme is legacy",
    );
  const inherited =
    isLegacy && defaults.nameEscaping === "allow-utf-8" ? "underscores" : defaults.nameEscaping;
  return { nameValidation, nameEscaping: given ?? inherited };
}

function readLimits(section: YamlSection, defaults: ScrapeLimits): ScrapeLimits {
  const count = (key: string, inherited: number) => section.count(key) || inherited;
  return {
    samplesMax: count("sample_limit", defaults.samplesMax),
    bodySizeMaxBytes: readSize(section, "body_size_limit") || defaults.bodySizeMaxBytes,
    labelsMax: count("label_limit", defaults.labelsMax),
    labelNameSizeMaxBytes: count("label_name_length_limit", defaults.labelNameSizeMaxBytes),
    labelValueSizeMaxBytes: count("label_value_length_limit", defaults.labelValueSizeMaxBytes),
    targetsMax: count("target_limit", defaults.targetsMax),
    droppedTargetsMax: count("keep_dropped_targets", defaults.droppedTargetsMax),
  };
}

/**
 * Bytes, each number with its unit, several of which are added; units are powers of 1024 in either spelling, but in one
 * only. A negative size is no limit, whatever `global` says.
 *
 * Source: alecthomas/units, ParseBase2Bytes.
 */
function readSize(section: YamlSection, key: string): number | undefined {
  const text = section.text(key);
  if (text === undefined) return undefined;
  const amount = "(?:\\d+\\.?\\d*|\\.\\d+)";
  const pattern = `^[+-]?(?:0|(?:${amount}(?:[KMGTPE]i)?B)+|(?:${amount}[KMGTPE]?B)+)$`;
  const parts = new RegExp(pattern).test(text) ? text.matchAll(/([\d.]+)([KMGTPE]?)i?B/g) : undefined;
  const sizes = [...(parts ?? [])].map(
    ([, number, unit]) => Number(number) * 1024 ** " KMGTPE".indexOf(unit || " "),
  );
  const sizeBytes = sizes.reduce((sum, size) => sum + size, 0);
  if (parts === undefined || sizeBytes > 2 ** 63)
    section.fail(key, "must be a size with its unit, such as 10MB");
  return Math.floor(text.startsWith("-") ? -sizeBytes : sizeBytes);
}

/** One of the protocols; undefined when `key` is not there. */
export function readScrapeProtocol(section: YamlSection, key: string): ScrapeProtocol | undefined {
  return section.oneOfOrEmpty(key, scrapeProtocols);
}

function readProtocols(section: YamlSection): readonly ScrapeProtocol[] | undefined {
  const key = "scrape_protocols";
  const names = section.textList(key);
  if (names === undefined) return undefined;
  if (names.length === 0) section.fail(key, "must not be empty");
  if (new Set(names).size < names.length) section.fail(key, "must name each protocol once");
  return names.map(
    (name) =>
      scrapeProtocols.find((protocol) => protocol === name) ??
      section.fail(key, `must name ${scrapeProtocols.join(", ")}, not "${name}"`),
  );
}

function readExternalLabels(section: YamlSection, { environment }: ConfigPlace): Labels {
  const labels = Object.entries(section.texts("external_labels") ?? {});
  if (labels.some(([name]) => name === ""))
    section.fail("external_labels", "must have names that are not empty");
  const onUnset = (name: string) =>
    section.warn("external_labels", `has the variable ${name}, which is not set`);
  return Labels.from(labels.map(([name, value]) => [name, expandVariables(value, environment, onUnset)]));
}
