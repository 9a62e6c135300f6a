import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PlainConnections, PlainRequest } from "../../src/http-client/plain-connections.js";
import { FakeClock } from "../support/fake-clock.js";

let server: Server;
let sockets: Socket[];
let port: number;
let requests: string[];
let answer: (socket: Socket, request: string) => void;
let clock: FakeClock;
let connections: PlainConnections;

beforeEach(async () => {
  sockets = [];
  requests = [];
  answer = (socket) => socket.write(reply("a 1\n"));
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      requests.push(bytes.toString());
      answer(socket, bytes.toString());
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
  clock = new FakeClock();
  connections = new PlainConnections(clock);
});

afterEach(() => {
  connections.close();
  for (const socket of sockets) socket.destroy();
  server.close();
});

function reply(body: string, headers = ""): string {
  return `HTTP/1.1 200 OK\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
}

async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await once(socket, "close");
}

function ask(host = "127.0.0.1") {
  let body = "";
  const sink = {
    head: () => {},
    body: (piece: Buffer) => {
      body += piece.toString();
    },
  };
  const url = new URL(`http://${host}:${port}/metrics?a=b`);
  const exchange = new PlainRequest(connections, url, { accept: "text/plain" }).send(sink);
  return { exchange, body: exchange.finished.then((isUsual) => (isUsual ? body : "unusual")) };
}

describe("PlainConnections", () => {
  it("asks as HTTP/1.1 has it, and keeps the connection", async () => {
    for (let i = 0; i < 3; i++) expect(await ask().body).toBe("a 1\n");
    expect(requests[2]).toBe(
      `GET /metrics?a=b HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\naccept: text/plain\r\n\r\n`,
    );
    expect(sockets).toHaveLength(1);
  });

  it("finds the address of a name, whichever of them answers", async () => {
    expect(await ask("localhost").body).toBe("a 1\n");
  });

  it("has a connection for each of those who ask at once, and keeps all", async () => {
    for (let i = 0; i < 2; i++) await Promise.all([ask().body, ask().body, ask().body]);
    expect(sockets).toHaveLength(3);
  });

  it.each<[string, (socket: Socket) => void]>([
    ["says so", (socket) => socket.write(reply("a 1\n", "Connection: close\r\n"))],
    ["keeps it shorter than a second", (socket) => socket.write(reply("a 1\n", "Keep-Alive: timeout=1\r\n"))],
    ["says more than was asked", (socket) => socket.write(`${reply("a 1\n")}more`)],
    ["ends the page with it", (socket) => socket.end("HTTP/1.1 200 OK\r\n\r\na 1\n")],
  ])("takes another connection when the server %s", async (_, respond) => {
    answer = respond;
    for (let i = 0; i < 2; i++) expect(await ask().body).toBe("a 1\n");
    expect(sockets).toHaveLength(2);
  });

  it("does not use a connection that was idle for longer than the server says", async () => {
    answer = (socket) => socket.write(reply("a 1\n", "Keep-Alive: timeout=5\r\n"));
    await ask().body;
    clock.advance(3999);
    await ask().body;
    expect(sockets).toHaveLength(1);
    clock.advance(4000);
    await ask().body;
    expect(sockets).toHaveLength(2);
    await closed(sockets[0]!);
  });

  it("ends connections that nobody uses any more", async () => {
    await Promise.all([ask().body, ask().body]);
    clock.advance(5 * 60_000 + 1);
    await ask().body;
    await Promise.all(sockets.slice(0, 2).map((socket) => closed(socket)));
    expect(sockets.filter(({ destroyed }) => !destroyed)).toHaveLength(1);
  });

  it("tries again when a connection that was idle ends without an answer", async () => {
    await ask().body;
    answer = (socket) => (socket === sockets[0] ? socket.destroy() : socket.write(reply("b 1\n")));
    expect(await ask().body).toBe("b 1\n");
  });

  it("says when the server ends a new connection, before the reply or in it", async () => {
    answer = (socket) => socket.end();
    await expect(ask().body).rejects.toThrow("ended the connection without an answer");
    answer = (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na 1\n");
    await expect(ask().body).rejects.toThrow("ended the connection before the page was complete");
    expect(sockets).toHaveLength(2);
  });

  it("says why nobody is there", async () => {
    server.close();
    await once(server, "close");
    await expect(ask().body).rejects.toThrow("ECONNREFUSED");
  });

  it("leaves what is unusual, and the connection with it", async () => {
    answer = (socket) => socket.write("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n");
    expect(await ask().body).toBe("unusual");
    await closed(sockets[0]!);
  });

  it("ends with what the sink throws, or when it is told to", async () => {
    const sink = {
      head: () => {
        throw new RangeError("not this one");
      },
      body: () => {},
    };
    const refused = new PlainRequest(connections, new URL(`http://127.0.0.1:${port}/`), {}).send(sink);
    await expect(refused.finished).rejects.toThrow("not this one");
    await closed(sockets[0]!);
    answer = () => {};
    const { exchange, body } = ask();
    const given = expect(body).rejects.toThrow("given up");
    exchange.abort();
    await given;
  });

  it("ends a connection on which something comes that nobody asked for", async () => {
    await ask().body;
    sockets[0]!.write("HTTP/1.1 408 Request Timeout\r\n\r\n");
    await closed(sockets[0]!);
    expect(await ask().body).toBe("a 1\n");
  });

  it("ends all connections when it is closed", async () => {
    await Promise.all([ask().body, ask().body]);
    connections.close();
    await Promise.all(sockets.map((socket) => closed(socket)));
  });

  it("asks nobody again when it is closed", async () => {
    await ask().body;
    answer = () => connections.close();
    await expect(ask().body).rejects.toThrow("ended the connection without an answer");
    await expect(ask().body).rejects.toThrow("ended the connection without an answer");
    expect(requests).toHaveLength(2);
  });
});
