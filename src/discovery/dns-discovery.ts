/**
 * dnsLookout: targets that the domain name system knows, asked at an interval: one for each record of a name.
 *
 * A name that does not exist has no targets; one that no server answers for keeps those it had. Names are completed by
 * the search list of resolv.conf, as system lookups are.
 *
 * Source: Prometheus `discovery/dns/dns.go`.
 */

import { isIPv6 } from "node:net";
import { TsdbError } from "../model/errors.js";
import { Labels } from "../model/labels.js";
import type { TargetGroup } from "./discovery.js";
import type { DnsDiscoveryConfig } from "./discovery-config.js";
import { candidateNames } from "./dns-names.js";
import type { Lookout } from "./refreshing-discovery.js";

/** The part of node:dns' Resolver that is used. */
export interface DnsResolver {
  resolve4(name: string): Promise<readonly string[]>;
  resolve6(name: string): Promise<readonly string[]>;
  resolveSrv(name: string): Promise<readonly { readonly name: string; readonly port: number }[]>;
  resolveMx(name: string): Promise<readonly { readonly exchange: string }[]>;
  resolveNs(name: string): Promise<readonly string[]>;
  /** Ends what is under way: it fails. */
  cancel(): void;
}

export interface DnsLookoutOptions {
  /** Called for each look: servers are those of the machine now, which may have moved to another network. */
  readonly createResolver: () => DnsResolver;
  /** The text of resolv.conf; rejects with a TsdbError where there is none. */
  readonly readResolvConf: () => Promise<string>;
}

export function dnsLookout(config: DnsDiscoveryConfig, options: DnsLookoutOptions): Lookout {
  return {
    kind: "dns",
    place: `${config.names.join(", ")} (${config.type})`,
    intervalMs: config.refreshIntervalMs,
    async look(onGroups, signal) {
      const resolver = options.createResolver();
      const resolvConf = await options.readResolvConf().catch(ignoreMissing);
      const cancel = () => resolver.cancel();
      signal.addEventListener("abort", cancel, { once: true });
      try {
        const answers = await Promise.all(
          config.names.map(async (name) => ({
            name,
            records: await lookUp(name, resolvConf, config, resolver),
          })),
        );
        const problems: string[] = [];
        for (const { name, records } of answers) {
          if (typeof records === "string") problems.push(records);
          else onGroups(name, [groupOf(name, records)]);
        }
        return problems;
      } finally {
        signal.removeEventListener("abort", cancel);
      }
    },
  };
}

/** One record as labels. */
type DnsRecord = Readonly<Record<string, string>>;

/** The records of the first candidate that exists; none when nobody knows any; or what went wrong. */
async function lookUp(
  name: string,
  resolvConf: string,
  config: DnsDiscoveryConfig,
  resolver: DnsResolver,
): Promise<readonly DnsRecord[] | string> {
  let failure = "";
  for (const candidate of candidateNames(name, resolvConf)) {
    try {
      return await ask(candidate, config, resolver);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
      if (code === undefined) throw error;
      if (code === "ENODATA") return [];
      if (code !== "ENOTFOUND") failure ||= `${name}: ${reasonOf(code)}`;
    }
  }
  return failure === "" ? [] : failure;
}

async function ask(
  name: string,
  { type, port }: DnsDiscoveryConfig,
  resolver: DnsResolver,
): Promise<readonly DnsRecord[]> {
  switch (type) {
    case "A":
      return (await resolver.resolve4(name)).map((address) => ({ __address__: hostPort(address, port) }));
    case "AAAA":
      return (await resolver.resolve6(name)).map((address) => ({ __address__: hostPort(address, port) }));
    case "SRV":
      return (await resolver.resolveSrv(name)).map((record) => ({
        __address__: hostPort(record.name, record.port),
        __meta_dns_srv_record_target: rooted(record.name),
        __meta_dns_srv_record_port: String(record.port),
      }));
    case "MX":
      return (await resolver.resolveMx(name)).map(({ exchange }) => ({
        __address__: hostPort(exchange, port),
        __meta_dns_mx_record_target: rooted(exchange),
      }));
    case "NS":
      return (await resolver.resolveNs(name)).map((server) => ({
        __address__: hostPort(server, port),
        __meta_dns_ns_record_target: rooted(server),
      }));
  }
}

function groupOf(name: string, records: readonly DnsRecord[]): TargetGroup {
  return {
    // Servers rotate their answers, which is no news.
    targets: records.map((record) => Labels.from(record)).sort((a, b) => a.compare(b)),
    labels: Labels.from({ __meta_dns_name: name }),
  };
}

function hostPort(found: string, port: number): string {
  // An address of IPv4 within one of IPv6 is written as itself, as Go writes it.
  const host = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(found)?.[1] ?? found;
  return isIPv6(host) ? `[${host}]:${port}` : `${host.replace(/\.+$/, "")}:${port}`;
}

/** As it is in the record: Node leaves the last dot out. */
function rooted(name: string): string {
  return name.endsWith(".") ? name : `${name}.`;
}

function reasonOf(code: string): string {
  switch (code) {
    case "ETIMEOUT":
      return "no server answered in time";
    case "ESERVFAIL":
      return "the server failed (SERVFAIL)";
    case "EREFUSED":
      return "the server refused";
    case "ECONNREFUSED":
      return "no server can be reached";
    default:
      return `the lookup failed (${code})`;
  }
}

function ignoreMissing(error: unknown): string {
  if (error instanceof TsdbError) return "";
  throw error;
}
