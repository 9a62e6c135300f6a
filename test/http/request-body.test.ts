import { once } from "node:events";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { timeSeries, writeRequest } from "../support/remote-write-bodies.js";
import { type TestApp, testApp } from "./test-app.js";

const apps: TestApp[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const { app } of apps.splice(0)) await app.close();
});

/** A connection to a server, and all that it has answered. */
async function connected() {
  const served = testApp();
  apps.push(served);
  const accepted: Socket[] = [];
  served.app.server.on("connection", (connection) => accepted.push(connection));
  await served.app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = served.app.server.address() as { port: number };
  const socket = connect(port, "127.0.0.1");
  sockets.push(socket);
  let text = "";
  socket.setEncoding("latin1").on("data", (piece: string) => {
    text += piece;
  });
  const answers = async (count: number) => {
    while ((text.match(/HTTP\/1\.1 (?!100)/g)?.length ?? 0) < count) await once(socket, "data");
    return text.match(/HTTP\/1\.1 \d+/g)?.map((line) => line.slice(-3));
  };
  const hasArrived = async (bytes: number) => {
    while ((accepted[0]?.bytesRead ?? 0) < bytes) await new Promise(setImmediate);
  };
  return { ...served, socket, answers, hasArrived, received: () => text };
}

/** Posts pieces without a declared length; resolves with the status, or what became of the connection. */
function postPieces(port: number, path: string, pieces: readonly Buffer[]): Promise<number | string> {
  return new Promise((resolve) => {
    const headers = { "content-type": "application/x-protobuf" };
    const posted = request({ port, host: "127.0.0.1", method: "POST", path, headers });
    posted.on("response", (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    posted.on("error", (error) => resolve(error.message));
    for (const piece of pieces) posted.write(piece);
    posted.end();
  });
}

describe("a body that is given up in its middle", () => {
  it.each(["/api/v1/write", "/api/v1/import/prometheus", "/api/v1/otlp/v1/metrics"])(
    "is answered: %s",
    async (path) => {
      const { app } = testApp({ pushSizeBytes: 100_000 });
      await app.listen({ port: 0, host: "127.0.0.1" });
      try {
        const address = app.server.address();
        const port = typeof address === "object" && address !== null ? address.port : 0;
        const pieces = Array.from({ length: 64 }, () => Buffer.alloc(128 * 1024, "\n"));
        expect(await postPieces(port, path, pieces)).toBe(413);
        expect(await postPieces(port, path, [])).not.toBe(413);
      } finally {
        await app.close();
      }
    },
  );
});

const writeBody = Buffer.from(
  writeRequest(timeSeries({ labels: [["__name__", "up"]], samples: [{ time: 7, value: 1 }] })),
);
const forms = [
  { path: "/api/v1/write", type: "application/x-protobuf", body: writeBody, stored: "up 1 @7" },
  { path: "/api/v1/import/prometheus", type: "text/plain", body: Buffer.from("up 1 7\n"), stored: "up 1 @7" },
] as const;

describe.each(forms)("a push to $path", ({ path, type, body, stored }) => {
  const head = (...more: readonly string[]) =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\n${more.map((line) => `${line}\r\n`).join("")}\r\n`;
  const length = `Content-Length: ${body.length}`;

  it("may come in chunks, a byte at a time", async () => {
    const { socket, answers, database } = await connected();
    socket.setNoDelay(true).write(head("Transfer-Encoding: chunked"));
    for (const byte of body) {
      socket.write(Buffer.concat([Buffer.from("1\r\n"), Buffer.of(byte), Buffer.from("\r\n")]));
      await new Promise(setImmediate);
    }
    socket.write("0\r\n\r\n");
    expect(await answers(1)).toEqual(["204"]);
    expect(database.samples).toEqual([stored]);
  });

  it("may come before others are answered, which is done in order", async () => {
    const { socket, answers, database } = await connected();
    const push = Buffer.concat([Buffer.from(head(length)), body]);
    const ask = Buffer.from("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
    socket.write(Buffer.concat([push, ask, push, push]));
    expect(await answers(4)).toEqual(["204", "404", "204", "204"]);
    expect(database.samples).toEqual([stored, stored, stored]);
  });

  it("is told to continue when it asks", async () => {
    const { socket, answers, received } = await connected();
    socket.write(head(length, "Expect: 100-continue"));
    while (received() === "") await once(socket, "data");
    socket.write(body);
    expect(await answers(1)).toEqual(["100", "204"]);
  });

  it("has no type, or one that is none, as early senders and curl may send it", async () => {
    const { socket, answers } = await connected();
    const untyped = head(length).replace(`Content-Type: ${type}\r\n`, "");
    socket.write(Buffer.concat([Buffer.from(untyped), body]));
    expect(await answers(1)).toEqual(["204"]);
    socket.write(Buffer.concat([Buffer.from(head(length).replace(type, "???")), body]));
    expect((await answers(2))?.[1]).toBe(type === "text/plain" ? "204" : "415");
  });

  it("that breaks off is remembered as refused, and stores nothing", async () => {
    const { socket, database, hasArrived } = await connected();
    const refused = () => database.sources.list().map(({ lastRejected }) => lastRejected?.reason);
    const begun = Buffer.concat([Buffer.from(head(length)), body.subarray(0, 3)]);
    socket.write(begun);
    await hasArrived(begun.length);
    socket.resetAndDestroy();
    while (refused().length === 0 && database.sources.refusedAdmissions().length === 0)
      await new Promise(setImmediate);
    const reasons = [...refused(), ...database.sources.refusedAdmissions().map(({ reason }) => reason)];
    expect(reasons).toEqual(["the connection closed before the body was complete"]);
    expect(database.samples).toEqual([]);
  });
});
