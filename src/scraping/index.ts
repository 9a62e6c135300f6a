/**
 * The public surface of `narthex/scraping`: scrapes targets into a database of this process, without a server.
 */

export type { Database, DatabaseEvent, LabelsLike } from "../api.js";
export type { Clock } from "../model/clock.js";
export { ClosedError, ConfigError, InvalidArgumentError, StorageError, TsdbError } from "../model/errors.js";
export { Labels } from "../model/labels.js";
export type { MetadataReader, MetricMetadata } from "../model/metric-metadata.js";
export type { JobDiscoveryStatus, TargetStatus } from "../scrape/status.js";
export type { JobStatus, OwnTargets, Scraping, ScrapingOptions, TargetList } from "./scraping.js";
export { startScraping } from "./start-scraping.js";
