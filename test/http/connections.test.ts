import { type AddressInfo, connect, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { buildApp } from "../../src/http/app.js";
import type { ConnectionLimits } from "../../src/http/connections.js";
import type { CommitResult } from "../../src/model/appendable.js";
import { DatabaseDouble } from "../support/database-double.js";
import { eventually } from "../support/eventually.js";
import { FakeClock } from "../support/fake-clock.js";

const apps: FastifyInstance[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const app of apps.splice(0)) await app.close();
});

async function listening(connectionLimits: Partial<ConnectionLimits> = {}) {
  const clock = new FakeClock(1_000_000);
  const database = new DatabaseDouble(clock);
  const app = buildApp({ database, clock, version: "1", onEvent: () => {}, connectionLimits });
  apps.push(app);
  const accepted: Socket[] = [];
  app.server.on("connection", (socket) => accepted.push(socket));
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  /** Resolves when so many connections are open, and so many bytes have come over all of them. */
  const reached = (connections: number, bytes: number) =>
    eventually(() => {
      expect(accepted.length).toBe(connections);
      expect(accepted.reduce((sum, { bytesRead }) => sum + bytesRead, 0)).toBe(bytes);
    });
  /** Lets time pass until then. */
  const meanwhile = async (promise: Promise<unknown>) => {
    let isOver = false;
    const over = promise.finally(() => {
      isOver = true;
    });
    for (; !isOver; clock.advance(500)) await nextTurn();
    await over;
  };
  return { app, clock, database, port, reached, meanwhile };
}

function open(port: number): { socket: Socket; received: () => string; closed: Promise<void> } {
  const socket = connect(port, "127.0.0.1");
  sockets.push(socket);
  let text = "";
  socket.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  return { socket, received: () => text, closed };
}

const head = "POST /api/v1/import/prometheus HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";
const begun = `${head}a 1\n`;

describe("a body that drips", () => {
  it("is ended after its grace, with an answer and a reason", async () => {
    const { clock, port, database, reached, meanwhile } = await listening();
    const { socket, received, closed } = open(port);
    socket.write(begun);
    await reached(1, begun.length);
    const start = clock.now();
    await meanwhile(closed);
    expect(clock.now() - start).toBeGreaterThan(20_000);
    expect(received()).toMatch(/^HTTP\/1\.1 408 .*more slowly than 1024 bytes a second/s);
    expect(database.samples).toEqual([]);
    const [source] = database.sources.list();
    expect(source?.lastRejected?.reason).toContain("the body came more slowly");
  });

  it("is taken when it is slow and steady", async () => {
    const limits = { bodyGraceMs: 1000, bodyBytesPerSecond: 100 };
    const { clock, port, database, reached } = await listening(limits);
    const { socket, received } = open(port);
    const line = `a{x="${"y".repeat(100)}"} 1 1000\n`;
    const slowHead = head.replace("1000", String(4 * line.length));
    socket.write(slowHead);
    for (let i = 0; i < 4; i++) {
      socket.write(line.replace("a{", `${"abcd"[i]}{`));
      await reached(1, slowHead.length + (i + 1) * line.length);
      clock.advance(1000);
    }
    await eventually(() => expect(received()).toMatch(/^HTTP\/1\.1 204/));
    expect(database.samples).toHaveLength(4);
  });
});

describe("a connection that says nothing", () => {
  it("is ended, and one that has asked something is not", async () => {
    const { clock, port, reached } = await listening();
    const [silent, asking] = [open(port), open(port)];
    const question = "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n";
    const ask = async (times: number) => {
      asking.socket.write(question);
      await eventually(() => expect(asking.received().match(/200 OK/g)).toHaveLength(times));
    };
    await ask(1);
    await reached(2, question.length);
    clock.advance(21_000);
    await silent.closed;
    await ask(2);
    expect(silent.received()).toBe("");
  });
});

describe("the close", () => {
  const patient = { bodyGraceMs: 1e9, closingStallMs: 1e9, closingMs: 1e9 };

  it("does not wait for a stalled upload", async () => {
    const { app, port, reached, meanwhile } = await listening({ ...patient, closingStallMs: 2000 });
    const { socket, received, closed } = open(port);
    socket.write(begun);
    await reached(1, begun.length);
    await meanwhile(Promise.all([app.close(), closed]));
    expect(received()).toContain("the server closes, and the body does not come");
  });

  it("ends a connection with the answer to what was in flight", async () => {
    const { app, database, port } = await listening();
    let commit = () => {};
    const committing = new Promise<void>((asked) => {
      database.answerCommit = (samples) => {
        asked();
        const result = { appended: samples, rejected: new Map() };
        return new Promise<CommitResult>((resolve) => {
          commit = () => resolve(result);
        });
      };
    });
    const { socket, received, closed } = open(port);
    socket.write(`${head.replace("1000", "4")}a 1\n`);
    await committing;
    const closing = app.close();
    await new Promise(setImmediate);
    commit();
    await closed;
    await closing;
    expect(received()).toMatch(/^HTTP\/1\.1 204 .*connection: close\r\n/is);
  });

  it("does not wait for connections that say nothing, or half a header", async () => {
    const { app, port, reached } = await listening(patient);
    const [silent, half] = [open(port), open(port)];
    half.socket.write("POST /api/v1/imp");
    await reached(2, "POST /api/v1/imp".length);
    await app.close();
    await Promise.all([silent.closed, half.closed]);
  });

  it("waits no longer than its time for what goes on", async () => {
    const { app, port, reached, meanwhile } = await listening({ ...patient, closingMs: 10_000 });
    const { socket, closed } = open(port);
    socket.write(begun);
    await reached(1, begun.length);
    await meanwhile(Promise.all([app.close(), closed]));
  });
});
