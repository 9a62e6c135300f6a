/**
 * Connections: the ways to servers: kept alive, encrypted, through a proxy.
 *
 *   http://   directly, or by asking the proxy for the whole URL
 *   https://  directly, or through a tunnel that the proxy opens (CONNECT)
 *
 * A SOCKS proxy opens tunnels for both.
 *
 * Certificates and keys in files are looked at before each request; when they have changed, new connections are made
 * with the new ones, and old ones that are idle end.
 */

import { Agent as HttpAgent, request as httpRequest, type RequestOptions } from "node:http";
import { type AgentOptions, Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { createSecureContext } from "node:tls";
import { UnavailableError } from "../model/errors.js";
import { connectTunnels } from "./connect-tunnel.js";
import type { ProxyConfig, TlsClientConfig } from "./http-client-config.js";
import { chooseProxy } from "./proxy-choice.js";
import { basicAuthorization, type SecretValues } from "./secret-values.js";
import { socksTunnels } from "./socks-tunnel.js";
import { PlainTunnelAgent, TunnelAgent } from "./tunnel-agent.js";

/** How to send one request. */
export interface Route {
  readonly open: typeof httpRequest;
  readonly options: RequestOptions;
  /** Host and port of whoever is connected to in place of the server. */
  readonly proxy?: string;
}

export interface ConnectionsConfig {
  readonly tls: TlsClientConfig;
  readonly proxy: ProxyConfig | undefined;
}

/** As Prometheus: an idle connection is closed after five minutes, unless the server says less. */
const agentOptions: AgentOptions = { keepAlive: true, timeout: 5 * 60_000 };

export class Connections {
  readonly #config: ConnectionsConfig;
  readonly #secrets: SecretValues;
  readonly #plain = new HttpAgent(agentOptions);
  readonly #encrypted = new Map<string, EncryptedAgent>();
  /** By the URL of the SOCKS proxy. */
  readonly #socks = new Map<string, HttpAgent>();

  constructor(config: ConnectionsConfig, secrets: SecretValues) {
    this.#config = config;
    this.#secrets = secrets;
  }

  /**
   * Without `showCertificate` the server does not get to see our certificate. Rejects with StorageError or
   * UnavailableError when what the configuration names cannot be used.
   */
  async routeTo(url: URL, showCertificate: boolean): Promise<Route> {
    const chosen = chooseProxy(this.#config.proxy, url);
    const isEncrypted = url.protocol === "https:";
    const place: RequestOptions = {
      host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: url.port === "" ? (isEncrypted ? 443 : 80) : url.port,
      path: `${url.pathname}${url.search}`,
    };
    if (chosen === undefined) {
      return isEncrypted
        ? { open: httpsRequest, options: { ...place, agent: await this.#agent(showCertificate) } }
        : { open: httpRequest, options: { ...place, agent: this.#plain } };
    }
    const proxy = parseProxy(chosen);
    if (isEncrypted) {
      const agent = await this.#agent(showCertificate, proxy);
      return { open: httpsRequest, options: { ...place, agent }, proxy: proxy.host };
    }
    if (isSocks(proxy))
      return { open: httpRequest, options: { ...place, agent: this.#socksAgent(proxy) }, proxy: proxy.host };
    const path = `http://${url.host}${place.path}`;
    const headers = { host: url.host, ...proxyAuthorization(proxy) };
    const options = { host: proxy.hostname, port: portOf(proxy), path, headers };
    return proxy.protocol === "https:"
      ? { open: httpsRequest, options: { ...options, agent: await this.#agent(false) }, proxy: proxy.host }
      : { open: httpRequest, options: { ...options, agent: this.#plain }, proxy: proxy.host };
  }

  /** Ends all connections, those in use too. */
  close(): void {
    this.#plain.destroy();
    for (const { agent } of this.#encrypted.values()) agent.destroy();
    this.#encrypted.clear();
    for (const agent of this.#socks.values()) agent.destroy();
    this.#socks.clear();
  }

  #socksAgent(proxy: URL): HttpAgent {
    const agent = this.#socks.get(proxy.href) ?? new PlainTunnelAgent(agentOptions, socksTunnels(proxy));
    this.#socks.set(proxy.href, agent);
    return agent;
  }

  /** One for each proxy, with and without our certificate; a new one when what it was made of has changed. */
  async #agent(showCertificate: boolean, proxy?: URL): Promise<HttpsAgent> {
    const { serverName, insecureSkipVerify, minVersion, maxVersion } = this.#config.tls;
    const pem = await this.#readPem(showCertificate);
    const connectHeaders = proxy && {
      ...(await this.#secrets.readHeaders(this.#config.proxy?.connectHeaders ?? {})),
      ...proxyAuthorization(proxy),
    };
    const name = `${showCertificate} ${proxy?.href ?? ""}`;
    const madeOf = JSON.stringify([pem, connectHeaders]);
    const known = this.#encrypted.get(name);
    if (known?.madeOf === madeOf) return known.agent;
    const secureContext = usable(() =>
      createSecureContext({ ...pem, minVersion, ...(maxVersion && { maxVersion }) }),
    );
    const options: AgentOptions = {
      ...agentOptions,
      secureContext,
      rejectUnauthorized: !insecureSkipVerify,
      ...(serverName !== undefined && { servername: serverName }),
    };
    const tunnels =
      proxy && (isSocks(proxy) ? socksTunnels(proxy) : connectTunnels(proxy, connectHeaders ?? {}));
    const agent = tunnels ? new TunnelAgent(options, tunnels) : new HttpsAgent(options);
    this.#encrypted.set(name, { agent, madeOf });
    if (known !== undefined) endIdle(known.agent);
    return agent;
  }

  async #readPem(showCertificate: boolean): Promise<Pem> {
    const { ca, cert, key } = this.#config.tls;
    return {
      ...(ca !== undefined && { ca: await this.#secrets.read(ca) }),
      ...(showCertificate && cert !== undefined && { cert: await this.#secrets.read(cert) }),
      ...(showCertificate && key !== undefined && { key: await this.#secrets.read(key) }),
    };
  }
}

interface Pem {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

interface EncryptedAgent {
  readonly agent: HttpsAgent;
  readonly madeOf: string;
}

/** With `socks5` too the proxy looks up names, as in Go. */
export const proxyProtocols: ReadonlySet<string> = new Set(["http:", "https:", "socks5:", "socks5h:"]);

/** The proxy's URL may have a password in it: no message shows it. */
function parseProxy(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && proxyProtocols.has(url.protocol)) return url;
  throw new UnavailableError("the proxy's URL must begin with http://, https:// or socks5://");
}

function isSocks({ protocol }: URL): boolean {
  return protocol.startsWith("socks5");
}

function portOf(url: URL): number {
  return url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
}

function proxyAuthorization({ username, password }: URL): Record<string, string> {
  if (username === "" && password === "") return {};
  const credentials = [username, password].map(decodeURIComponent) as [string, string];
  return { "proxy-authorization": basicAuthorization(...credentials) };
}

/** OpenSSL's messages tell nothing of what is in a key. */
function usable<T>(make: () => T): T {
  try {
    return make();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UnavailableError(`the certificates or keys of tls_config are not usable: ${reason}`);
  }
}

function endIdle(agent: HttpsAgent): void {
  for (const sockets of Object.values(agent.freeSockets))
    for (const socket of sockets ?? []) socket.destroy();
}
