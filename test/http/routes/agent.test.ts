/**
 * The door for agents, and for requests that would rather speak another protocol.
 */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { FastifyInstance } from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { Agents } from "../../../src/agent/agents.js";
import { openDatabase } from "../../../src/database.js";
import { buildApp } from "../../../src/http/app.js";
import { systemClock } from "../../../src/model/clock.js";
import { tokenDigest } from "../../../src/model/token-digest.js";
import { createAuthority } from "../../support/certificates.js";
import { eventually } from "../../support/eventually.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const authority = createAuthority();
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Resolves with the port. */
async function start(
  https?: { cert: string; key: string },
  prepare: (app: FastifyInstance) => void = () => {},
): Promise<number> {
  const database = await openDatabase({ directory: "data", fileSystem: new MemFileSystem() });
  closers.push(() => database.close());
  const agents = await Agents.open({
    clock: systemClock,
    openJournal: database.openJournal,
    setTargets: () => {},
    onEvent: () => {},
  });
  agents.configure([
    {
      name: "cellar",
      tokenSha256: tokenDigest("s3cret"),
      ...{ jobs: [], labels: {}, allow: {}, honorLabels: false },
      limits: { targetsMax: 1, bodySizeMaxBytes: 1, samplesMax: 1 },
    },
  ]);
  closers.push(() => agents.close());
  const app: FastifyInstance = buildApp({
    ...{ database, agents, clock: systemClock, version: "1.2.3", onEvent: () => {} },
    ...(https && { https }),
  });
  closers.push(() => app.close());
  prepare(app);
  await app.listen({ host: "127.0.0.1", port: 0 });
  const address = app.server.address();
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}

/** All that is answered until the server has nothing more to say or the text matches. */
async function exchange(socket: Socket, text: string, until: RegExp): Promise<string> {
  let answer = "";
  socket.setEncoding("utf8");
  socket.on("data", (piece) => {
    answer += piece;
    if (until.test(answer)) socket.destroy();
  });
  socket.write(text);
  await once(socket, "close");
  return answer;
}

function request(first: string, headers: readonly string[], body = ""): string {
  return `${[first, "Host: 127.0.0.1", ...headers].join("\r\n")}\r\n\r\n${body}`;
}

const upgrade = (...headers: string[]) =>
  request("GET /api/v1/agent HTTP/1.1", [
    ...["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"],
    ...["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", ...headers],
  ]);
const protocol = "Sec-WebSocket-Protocol: narthex-agent.v1";
const token = "Authorization: Bearer s3cret";

describe("/api/v1/agent", () => {
  it.each([
    ["takes an agent", [token, protocol], /^HTTP\/1.1 101 .*Sec-WebSocket-Protocol: narthex-agent.v1/s],
    ["refuses one without a token", [protocol], /^HTTP\/1.1 401 .*an agent shows its token/s],
    [
      "refuses another token",
      ["Authorization: Bearer x", protocol],
      /^HTTP\/1.1 401 .*no entry of agent_configs/s,
    ],
    ["refuses a web page", [token, protocol, "Origin: http://127.0.0.1"], /^HTTP\/1.1 403 .*web pages/s],
    [
      "refuses another version",
      [token, "Sec-WebSocket-Protocol: narthex-agent.v9"],
      /^HTTP\/1.1 415 .*speaks narthex-agent.v1 with agents, not narthex-agent.v9/s,
    ],
  ])("%s", async (_what, headers, answer) => {
    const port = await start();
    const socket = connect(port, "127.0.0.1");
    expect(await exchange(socket, upgrade(...headers), /\r\n\r\n.*\}|^HTTP\/1.1 101 .*\r\n\r\n/s)).toMatch(
      answer,
    );
  });

  it("tells a request that is no WebSocket what it is", async () => {
    const port = await start();
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/agent`);
    expect([answer.status, await answer.text()]).toEqual([
      400,
      expect.stringContaining("narthex agent --server"),
    ]);
  });

  it("keeps no connection of one that was refused, even if that one does not hang up", async () => {
    const connections: Socket[] = [];
    const port = await start(undefined, (app) => {
      app.server.on("connection", (socket) => connections.push(socket));
    });
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    let answer = "";
    socket.on("data", (piece) => (answer += piece));
    socket.write(upgrade(protocol));
    await once(socket, "end");
    expect(answer).toMatch(/^HTTP\/1.1 401 .*an agent shows its token/s);
    await eventually(() => expect(connections[0]!.destroyed).toBe(true));
    socket.destroy();
  });

  it("hangs up when the server closes", async () => {
    const port = await start();
    const socket = connect(port, "127.0.0.1");
    socket.write(upgrade(token, protocol));
    await once(socket, "data");
    const ended = once(socket, "close");
    socket.resume();
    for (const close of closers.splice(0).reverse()) await close();
    await ended;
  });
});

const h2c = [
  "Connection: Upgrade, HTTP2-Settings",
  "Upgrade: h2c",
  "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
];
const pushed = "a 1\nb 2\n";
const push = (more: readonly string[], body: string) =>
  request(
    "POST /api/v1/import/prometheus?timestamp=1700000000000 HTTP/1.1",
    ["Content-Type: text/plain", `Content-Length: ${body.length}`, ...more],
    body,
  );

describe("a request that would rather speak HTTP/2", () => {
  it("is answered as if it had not said so, with its body, and others after it on the same connection", async () => {
    const port = await start();
    const text = `${push(h2c, pushed)}${push(h2c, pushed)}${request("GET /nowhere HTTP/1.1", h2c)}`;
    const answer = await exchange(connect(port, "127.0.0.1"), text, /HTTP\/1.1 404/);
    expect(answer.match(/HTTP\/1.1 \d+/g)).toEqual(["HTTP/1.1 204", "HTTP/1.1 204", "HTTP/1.1 404"]);
  });

  it("may come again and again on one connection, and leaves nothing behind on it", async () => {
    const warnings: string[] = [];
    const warn = ({ message }: Error) => warnings.push(message);
    process.on("warning", warn);
    const port = await start();
    const last = request("GET /nowhere HTTP/1.1", h2c);
    const text = request("GET /-/healthy HTTP/1.1", h2c).repeat(40) + last;
    const answer = await exchange(connect(port, "127.0.0.1"), text, /HTTP\/1.1 404/);
    process.off("warning", warn);
    expect(answer.match(/HTTP\/1.1 200/g)).toHaveLength(40);
    expect(warnings).toEqual([]);
  });

  it("harms nobody when its sender breaks off while an answer before it is on its way", async () => {
    let answer = (_text: string) => {};
    const connections: Socket[] = [];
    const port = await start(undefined, (app) => {
      app.get("/slow", () => new Promise<string>((resolve) => (answer = resolve)));
      app.server.on("connection", (socket) => connections.push(socket));
    });
    const socket = connect(port, "127.0.0.1");
    socket.write(request("GET /slow HTTP/1.1", []) + request("GET /nowhere HTTP/1.1", h2c));
    await eventually(() => expect(connections[0]?.bytesRead).toBe(socket.bytesWritten));
    // Not by `once`, which would listen for errors itself.
    const ended = new Promise((resolve) => connections[0]!.once("close", resolve));
    socket.resetAndDestroy();
    await ended;
    answer("too late");
    expect((await fetch(`http://127.0.0.1:${port}/-/healthy`)).status).toBe(200);
  });

  it("may send its body piece by piece, and later", async () => {
    const port = await start();
    const socket = connect(port, "127.0.0.1");
    const text = push(["Transfer-Encoding: chunked", ...h2c], "").replace(/Content-Length: 0\r\n/, "");
    socket.write(text.slice(0, 40));
    await new Promise(setImmediate);
    socket.write(text.slice(40));
    await new Promise(setImmediate);
    socket.write("4\r\na 1\n\r\n");
    const answer = await exchange(socket, "4\r\nb 2\n\r\n0\r\n\r\n", /\r\n\r\n/);
    expect(answer).toMatch(/^HTTP\/1.1 20\d/);
  });

  it.skipIf(authority === undefined)("is answered over TLS too", async () => {
    const port = await start(authority!.sign("localhost"));
    const socket = connectTls({ port, host: "127.0.0.1", ca: authority!.cert, servername: "localhost" });
    await once(socket, "secureConnect");
    expect(await exchange(socket, push(h2c, pushed), /\r\n\r\n/)).toMatch(/^HTTP\/1.1 20\d/);
  });
});
