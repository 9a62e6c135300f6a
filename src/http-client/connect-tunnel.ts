/**
 * connectTunnels: connections through an HTTP proxy, which is asked by CONNECT to pass bytes on.
 */

import { request as httpRequest, type OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import { UnavailableError } from "../model/errors.js";
import { type OpenTunnel, tunnelTimeoutMs } from "./tunnel-agent.js";

export function connectTunnels(proxy: URL, headers: OutgoingHttpHeaders): OpenTunnel {
  return (host, port) => {
    const path = `${host.includes(":") ? `[${host}]` : host}:${port}`;
    return askProxy(proxy, { path, headers: { host: path, ...headers } });
  };
}

interface ConnectRequest {
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
}

function askProxy({ protocol, hostname, port }: URL, asked: ConnectRequest): Promise<Duplex> {
  const isEncrypted = protocol === "https:";
  const open = isEncrypted ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = open({
      ...asked,
      host: hostname,
      port: port === "" ? (isEncrypted ? 443 : 80) : port,
      method: "CONNECT",
      agent: false,
      timeout: tunnelTimeoutMs,
    });
    const leave = () => request.destroy(new UnavailableError("the proxy says nothing"));
    request.on("connect", ({ statusCode = 0, statusMessage = "" }, socket) => {
      request.off("timeout", leave);
      if (statusCode === 200) return resolve(socket);
      socket.destroy();
      const remedy = statusCode === 407 ? "; name and password stand in proxy_url" : "";
      const refusal = `the proxy refused the connection: ${statusCode} ${statusMessage}`.trim();
      reject(new UnavailableError(`${refusal}${remedy}`));
    });
    request.on("response", (response) => {
      response.destroy();
      reject(new UnavailableError("the proxy answered CONNECT with a page"));
    });
    request.on("timeout", leave);
    request.on("error", reject);
    request.end();
  });
}
