import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { buildApp } from "../../src/http/app.js";
import type { ConnectionLimits } from "../../src/http/connections.js";
import { systemClock } from "../../src/model/clock.js";
import { DatabaseDouble } from "../support/database-double.js";
import { FakeClock } from "../support/fake-clock.js";

const apps: FastifyInstance[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const app of apps.splice(0)) await app.close();
});

/** Time passes for the watch a hundred times as fast. */
async function listening(connectionLimits: Partial<ConnectionLimits> = {}) {
  const database = new DatabaseDouble(new FakeClock(1_000_000));
  const clock = {
    ...systemClock,
    schedule: (delayMs: number, task: () => void) => systemClock.schedule(delayMs / 100, task),
  };
  const app = buildApp({ database, clock, version: "1", onEvent: () => {}, connectionLimits });
  apps.push(app);
  await app.listen({ host: "127.0.0.1", port: 0 });
  return { app, database, port: (app.server.address() as AddressInfo).port };
}

function open(port: number): { socket: Socket; received: () => string; closed: Promise<unknown> } {
  const socket = connect(port, "127.0.0.1");
  sockets.push(socket);
  let text = "";
  socket.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  socket.on("error", () => {});
  return { socket, received: () => text, closed: once(socket, "close") };
}

const head = "POST /api/v1/import/prometheus HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";

describe("a body that drips", () => {
  it("is ended after its grace, with an answer and a reason", async () => {
    const { port, database } = await listening({ bodyGraceMs: 100, bodyBytesPerSecond: 1e6 });
    const { socket, received, closed } = open(port);
    socket.write(`${head}a 1\n`);
    await closed;
    expect(received()).toMatch(/^HTTP\/1\.1 408 .*more slowly than 1000000 bytes a second/s);
    expect(database.samples).toEqual([]);
    const [source] = database.sources.list();
    expect(source?.lastRejected?.reason).toContain("the body came more slowly");
  });

  it("is taken when it is slow and steady", async () => {
    const { port, database } = await listening({ bodyGraceMs: 150, bodyBytesPerSecond: 100 });
    const { socket, received } = open(port);
    const line = `a{x="${"y".repeat(100)}"} 1 1000\n`;
    socket.write(head.replace("1000", String(4 * line.length)));
    for (let i = 0; i < 4; i++) {
      socket.write(line.replace("a{", `${"abcd"[i]}{`));
      await new Promise<void>((resolve) => systemClock.schedule(80, resolve));
    }
    while (received() === "") await once(socket, "data");
    expect(received()).toMatch(/^HTTP\/1\.1 204/);
    expect(database.samples).toHaveLength(4);
  });
});

describe("a connection that says nothing", () => {
  it("is ended, and one that has asked something is not", async () => {
    const { port } = await listening({ firstByteMs: 100 });
    const [silent, asking] = [open(port), open(port)];
    const ask = async () => {
      asking.socket.write("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n");
      await once(asking.socket, "data");
    };
    await ask();
    await silent.closed;
    await new Promise<void>((resolve) => systemClock.schedule(150, resolve));
    await ask();
    expect([silent.received(), asking.received().match(/200 OK/g)?.length]).toEqual(["", 2]);
  });
});

describe("the close", () => {
  it("does not wait for a stalled upload", async () => {
    const { app, port } = await listening({ closingStallMs: 50 });
    const { socket, received, closed } = open(port);
    await new Promise((written) => socket.write(`${head}a 1\n`, written));
    await new Promise<void>((resolve) => systemClock.schedule(50, resolve));
    await app.close();
    await closed;
    expect(received()).toContain("the server closes, and the body does not come");
  });

  it("does not wait for connections that say nothing, or half a header", async () => {
    const { app, port } = await listening();
    const [silent, half] = [open(port), open(port)];
    await new Promise((written) => half.socket.write("POST /api/v1/imp", written));
    await new Promise<void>((resolve) => systemClock.schedule(50, resolve));
    await app.close();
    await Promise.all([silent.closed, half.closed]);
  });

  it("waits no longer than its time for what goes on", async () => {
    const { app, port } = await listening({ closingStallMs: 1e9, closingMs: 100 });
    const { socket, closed } = open(port);
    await new Promise((written) => socket.write(`${head}a 1\n`, written));
    await new Promise<void>((resolve) => systemClock.schedule(50, resolve));
    await app.close();
    await closed;
  });
});
