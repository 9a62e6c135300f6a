/**
 * DiscoveryConfig: what one entry of `file_sd_configs`, `http_sd_configs` or `dns_sd_configs` says, with every default
 * filled in. Plain values, so that two can be compared.
 */

import type { HttpClientConfig } from "../http-client/http-client-config.js";

export type DiscoveryConfig = FileDiscoveryConfig | HttpDiscoveryConfig | DnsDiscoveryConfig;

export interface FileDiscoveryConfig {
  readonly kind: "file";
  /** Paths; the last element of each may have one `*`. */
  readonly files: readonly string[];
  /** How often the files are read even though nothing seems to have changed. */
  readonly refreshIntervalMs: number;
}

export interface HttpDiscoveryConfig {
  readonly kind: "http";
  readonly url: string;
  readonly refreshIntervalMs: number;
  /** How the server is asked: credentials, TLS, proxy. */
  readonly client: HttpClientConfig;
}

export const dnsRecordTypes = ["SRV", "A", "AAAA", "MX", "NS"] as const;
export type DnsRecordType = (typeof dnsRecordTypes)[number];

export interface DnsDiscoveryConfig {
  readonly kind: "dns";
  readonly names: readonly string[];
  readonly type: DnsRecordType;
  /** Of the targets; SRV records bring their own. */
  readonly port: number;
  readonly refreshIntervalMs: number;
}
