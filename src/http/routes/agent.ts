/**
 * `/api/v1/agent`, where agents connect by WebSocket, and `/api/v1/agents`, which says who they are and whether they are
 * there.
 */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { Server as TlsServer } from "node:tls";
import type { FastifyInstance } from "fastify";
import type { AgentStatus } from "../../agent/known-agent.js";
import { InvalidArgumentError } from "../../model/errors.js";
import { formatRfc3339 } from "../../model/rfc3339.js";
import type { RouteContext } from "../app.js";
import { encodeError, encodeSuccess } from "../envelope.js";
import { errorReply } from "../error-reply.js";
import { sendJson } from "../reply-stream.js";

/** Whoever takes connections of agents. */
export interface AgentDoor {
  /** Throws a TsdbError when it does not take it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  statuses(): readonly AgentStatus[];
}

const path = "/api/v1/agent";

export function addAgentRoutes(app: FastifyInstance, { agents }: RouteContext): void {
  app.get(path, () => {
    throw new InvalidArgumentError("agents connect here by WebSocket: narthex agent --server URL");
  });
  app.get("/api/v1/agents", (_request, reply) =>
    sendJson(reply, encodeSuccess([JSON.stringify({ agents: agents?.statuses().map(describeAgent) ?? [] })])),
  );
}

function describeAgent({ connection, ...status }: AgentStatus) {
  return {
    ...status,
    isConnected: connection !== undefined,
    ...(connection && { ...connection, since: formatRfc3339(connection.since) }),
  };
}

/** Lets agents in. Other requests that would rather speak another protocol are answered in HTTP/1.1, as they always were. */
export function takeAgents(app: FastifyInstance, agents: AgentDoor): void {
  /** The last of each connection: the ones before it are answered first. */
  const responses = new WeakMap<Duplex, ServerResponse>();
  app.server.prependListener("request", (request: IncomingMessage, response: ServerResponse) => {
    responses.set(request.socket, response);
  });
  app.server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const before = responses.get(socket);
    // What is written has left the connection a turn later.
    const isBusy = before !== undefined && !(before.writableFinished && before.socket === null);
    const isAgent =
      request.url?.split("?", 1)[0] === path && request.headers.upgrade?.toLowerCase() === "websocket";
    if (isAgent) letIn(agents, { request, socket, head }, isBusy);
    else if (isBusy) handBackAfter(before, app.server, { request, socket, head });
    else handBack(app.server, { request, socket, head });
  });
}

/** Nobody else watches the socket meanwhile: without a listener a client that breaks off would end the process. */
function handBackAfter(before: ServerResponse, server: Server, upgrade: Upgrade): void {
  const { socket } = upgrade;
  const ignore = () => socket.destroy();
  socket.on("error", ignore);
  before.once("close", () => {
    socket.off("error", ignore);
    handBack(server, upgrade);
  });
}

function letIn(agents: AgentDoor, { request, socket, head }: Upgrade, isBusy: boolean): void {
  // Until the library has it.
  const ignore = () => socket.destroy();
  socket.on("error", ignore);
  try {
    if (isBusy) throw new InvalidArgumentError("an agent waits for answers before it connects");
    agents.upgrade(request, socket, head);
    socket.off("error", ignore);
  } catch (error) {
    refuse(socket, error);
  }
}

function refuse(socket: Duplex, error: unknown): void {
  const { status, errorType, message } = errorReply(error);
  const body = encodeError(errorType, message);
  // Nobody else ends it: to Node it is no connection of HTTP any more.
  socket.once("finish", () => socket.destroy());
  const challenge = status === 401 ? "WWW-Authenticate: Bearer\r\n" : "";
  socket.end(
    `HTTP/1.1 ${status} ${errorType}\r\nContent-Type: application/json\r\n${challenge}` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/**
 * Node gives all requests with an Upgrade header to whoever listens for upgrades, without their bodies; Java's client
 * and curl send one with each request (`h2c`). So the request is put back before what has not been read yet, without
 * the header, and the connection begins anew.
 */
function handBack(server: Server, { request, socket, head }: Upgrade): void {
  if (socket.destroyed) return;
  const { method, url, httpVersion, rawHeaders } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = "", value = ""] = rawHeaders.slice(i, i + 2);
    const lowerName = name.toLowerCase();
    if (lowerName === "upgrade" || lowerName === "http2-settings") continue;
    lines.push(`${name}: ${lowerName === "connection" ? withoutUpgrade(value) : value}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]));
  server.emit(server instanceof TlsServer ? "secureConnection" : "connection", socket);
}

function withoutUpgrade(value: string): string {
  const kept = value.split(",").filter((token) => !/^\s*(?:upgrade|http2-settings)\s*$/i.test(token));
  return kept.join(",").trim() || "keep-alive";
}
