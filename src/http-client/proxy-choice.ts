/**
 * chooseProxy: which proxy a URL is asked for through, if any.
 *
 *   no_proxy: "example.org, .internal, 10.0.0.0/8, 192.0.2.7, [2001:db8::1]:9100, h:9100, *"
 *
 * `example.org` stands for itself and all below it, `.internal` for what is below only; a port narrows an entry.
 *
 * Source: golang.org/x/net/http/httpproxy.
 */

import { BlockList, isIP } from "node:net";
import type { ProxyConfig } from "./http-client-config.js";

export function chooseProxy(proxy: ProxyConfig | undefined, url: URL): string | undefined {
  if (proxy === undefined) return undefined;
  const chosen = url.protocol === "https:" ? proxy.https : proxy.http;
  if (chosen === undefined || proxy.noProxy === undefined) return chosen;
  return isReachedDirectly(proxy.noProxy, url) ? undefined : chosen;
}

function isReachedDirectly(noProxy: string, url: URL): boolean {
  const host = withoutBrackets(url.hostname).toLowerCase().replace(/\.$/, "");
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  if (host === "localhost" || isLoopback(host)) return true;
  return noProxy.split(",").some((entry) => matches(entry.trim().toLowerCase(), host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === "") return false;
  if (entry === "*") return true;
  if (entry.includes("/")) return isInSubnet(entry, host);
  const { name, entryPort } = splitPort(entry);
  if (entryPort !== undefined && entryPort !== port) return false;
  if (isIP(name) !== 0) return isIP(host) !== 0 && isInSubnet(name, host);
  const domain = name.replace(/^\*?\./, "");
  return host.endsWith(`.${domain}`) || (domain === name && host === domain);
}

function splitPort(entry: string): { name: string; entryPort: string | undefined } {
  if (isIP(entry) === 6) return { name: entry, entryPort: undefined };
  const parts = /^(.*):(\d+)$/.exec(entry);
  return parts === null
    ? { name: withoutBrackets(entry), entryPort: undefined }
    : { name: withoutBrackets(parts[1]!), entryPort: parts[2] };
}

/** `subnet` is an address, or one with the length of its prefix. What is neither has nobody in it. */
function isInSubnet(subnet: string, host: string): boolean {
  const [network = "", length] = subnet.split("/");
  const family = isIP(network);
  const hostFamily = isIP(host);
  const bitsMax = family === 6 ? 128 : 32;
  const bits = length === undefined ? bitsMax : /^\d+$/.test(length) ? Number(length) : Number.NaN;
  if (family === 0 || hostFamily === 0 || !(bits <= bitsMax)) return false;
  const list = new BlockList();
  list.addSubnet(network, bits, family === 6 ? "ipv6" : "ipv4");
  return list.check(host, hostFamily === 6 ? "ipv6" : "ipv4");
}

function isLoopback(host: string): boolean {
  return isInSubnet("127.0.0.0/8", host) || isInSubnet("::1", host);
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}
