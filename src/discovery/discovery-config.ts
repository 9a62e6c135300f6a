/**
 * DiscoveryConfig: what one entry of `file_sd_configs`, `http_sd_configs`, `dns_sd_configs` or
 * `kubernetes_sd_configs` says, with every default filled in. Plain values, so that two can be compared.
 */

import type { HttpClientConfig } from "../http-client/http-client-config.js";

export type DiscoveryConfig =
  | FileDiscoveryConfig
  | HttpDiscoveryConfig
  | DnsDiscoveryConfig
  | KubernetesDiscoveryConfig;

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

export const kubernetesRoles = ["pod", "service", "endpoints", "endpointslice", "node", "ingress"] as const;
export type KubernetesRole = (typeof kubernetesRoles)[number];

export interface KubernetesDiscoveryConfig {
  readonly kind: "kubernetes";
  readonly role: KubernetesRole;
  readonly server: KubernetesServerConfig;
  /** Without any, all. */
  readonly namespaces: { readonly names: readonly string[]; readonly isOwnIncluded: boolean };
  /** Which objects of a role are looked at; of what has none, all. */
  readonly selectors: Readonly<Partial<Record<KubernetesRole, KubernetesSelector>>>;
  /** Whether targets get the labels of the nodes that they are on. */
  readonly attachNodeMetadata: boolean;
}

/** In Kubernetes' words; empty for none. */
export interface KubernetesSelector {
  readonly label: string;
  readonly field: string;
}

export type KubernetesServerConfig =
  | { readonly kind: "url"; readonly url: string; readonly client: HttpClientConfig }
  | { readonly kind: "kubeconfig"; readonly file: string }
  | { readonly kind: "in-cluster" };
