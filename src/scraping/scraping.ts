/**
 * Scraping: the public types of `narthex/scraping`.
 */

import type { DatabaseEvent, LabelsLike } from "../api.js";
import type { Clock } from "../model/clock.js";
import type { Labels } from "../model/labels.js";
import type { JobDiscoveryStatus, TargetStatus } from "../scrape/status.js";

/** Exactly one of `configFile` and `config` must be given. */
export interface ScrapingOptions {
  /**
   * A file in the words of prometheus.yml. What concerns scraping counts: `global`, `scrape_configs`,
   * `scrape_config_files`, `textfile_configs`; the rest is for a server, and `agent_configs` are warned of.
   */
  readonly configFile?: string;
  /** What such a file has, as text or as an object; paths in it are relative to the working directory. */
  readonly config?: string | Readonly<Record<string, unknown>>;
  /** Called for what an operator should know: warnings of the configuration, scrapes that were not stored. Must not throw. */
  readonly onEvent?: (event: DatabaseEvent) => void;
  /** For tests and simulation. */
  readonly clock?: Clock;
}

export interface Scraping extends AsyncDisposable {
  /**
   * Adds targets to a job, which are scraped as its others are, relabelling included, until they are removed. Throws
   * InvalidArgumentError when there is no such job.
   */
  addTargets(jobName: string, lists: readonly TargetList[]): OwnTargets;
  /** All jobs with their targets, as they are now. */
  status(): readonly JobStatus[];
  /**
   * Reads the file again, or takes another configuration; what has not changed goes on undisturbed. Rejects as
   * `startScraping` does, and then all is as it was.
   */
  reload(config?: ScrapingOptions["config"]): Promise<void>;
  /** Finishes what is in flight; series do not end. May be called again. */
  close(): Promise<void>;
}

/** As in `static_configs`. */
export interface TargetList {
  /** `host:port`. */
  readonly targets: readonly string[];
  /** Of each of them. */
  readonly labels?: LabelsLike;
}

/** Targets that were added. */
export interface OwnTargets {
  /** Puts others in their place; those that stay go on undisturbed. */
  replace(lists: readonly TargetList[]): void;
  /** Ends them, as targets end that a discovery finds no more. */
  remove(): void;
}

export interface JobStatus {
  readonly jobName: string;
  readonly targets: readonly TargetStatus[];
  /** The labels, before relabelling, of targets that relabelling dropped, as many as are remembered. */
  readonly droppedTargets: readonly Labels[];
  readonly discoveries: readonly JobDiscoveryStatus[];
}
