/**
 * openSocksTunnel: a connection through a SOCKS proxy, which gets the name of the server and looks it up itself.
 *
 *   05 n methods…                 →    00 nobody's name, 02 name and password
 *   05 method                     ←    ff: none of them
 *   01 len name len password      →    only for 02
 *   01 status                     ←    0: welcome
 *   05 01 00 type address port    →    type 1: IPv4, 3: len name, 4: IPv6
 *   05 status 00 type address port ←   0: open
 *
 * Source: RFC 1928, RFC 1929.
 */

import { connect, isIP, type Socket } from "node:net";
import { UnavailableError } from "../model/errors.js";
import { type OpenTunnel, tunnelTimeoutMs } from "./tunnel-agent.js";

const version = 5;
const anonymous = 0;
const password = 2;

/** What a proxy may answer, but 0. */
const refusals: Readonly<Record<number, string>> = {
  1: "general failure",
  2: "not allowed",
  3: "network unreachable",
  4: "host unreachable",
  5: "connection refused",
  6: "too many hops",
  7: "it does not connect",
  8: "it does not know the kind of address",
};

/** `proxy` is a URL of socks5, maybe with a name and a password, which no message shows. */
export function socksTunnels(proxy: URL): OpenTunnel {
  return async (host, port) => {
    const socket = connect({
      host: proxy.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: proxy.port === "" ? 1080 : Number(proxy.port),
      timeout: tunnelTimeoutMs,
    });
    // Whoever waits sees it; afterwards the agent does.
    socket.on("error", () => {});
    const leave = () => socket.destroy(new UnavailableError("the proxy says nothing"));
    socket.on("timeout", leave);
    try {
      await greet(socket, proxy);
      socket.write(connectRequest(host, port));
      await readReply(socket);
      socket.off("timeout", leave);
      return socket;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  };
}

async function greet(socket: Socket, proxy: URL): Promise<void> {
  const credentials = [proxy.username, proxy.password].map((text) => Buffer.from(decodeURIComponent(text)));
  const hasCredentials = proxy.username !== "" || proxy.password !== "";
  if (credentials.some(({ length }) => length > 255))
    throw new UnavailableError("the name or the password of the proxy is longer than 255 bytes");
  socket.write(Buffer.from(hasCredentials ? [version, 2, anonymous, password] : [version, 1, anonymous]));
  const [spoken, method] = await read(socket, 2);
  if (spoken !== version) throw new UnavailableError("the proxy does not speak SOCKS 5");
  if (method === anonymous) return;
  if (method !== password || !hasCredentials)
    throw new UnavailableError("the proxy wants to know who asks, in a way that was not offered");
  const told = credentials.flatMap((bytes) => [Buffer.from([bytes.length]), bytes]);
  socket.write(Buffer.concat([Buffer.from([1]), ...told]));
  const [, status] = await read(socket, 2);
  if (status !== 0) throw new UnavailableError("the proxy refused the name or the password");
}

function connectRequest(host: string, port: number): Buffer {
  const places: Buffer[] = [Buffer.from([port >> 8, port & 0xff])];
  const kind = isIP(host);
  const name = Buffer.from(host);
  if (kind === 4) places.unshift(Buffer.from([1, ...host.split(".").map(Number)]));
  else if (kind === 6) places.unshift(Buffer.from([4]), ipv6Bytes(host));
  else if (name.length > 255) throw new UnavailableError("the server's name is longer than 255 bytes");
  else places.unshift(Buffer.from([3, name.length]), name);
  return Buffer.concat([Buffer.from([version, 1, 0]), ...places]);
}

async function readReply(socket: Socket): Promise<void> {
  const [, status, , type] = await read(socket, 4);
  if (status !== 0)
    throw new UnavailableError(
      `the proxy refused the connection: ${refusals[status!] ?? `status ${status}`}`,
    );
  const addressLength = type === 1 ? 4 : type === 4 ? 16 : (await read(socket, 1))[0]!;
  await read(socket, addressLength + 2);
}

/** Written as a URL writes it, without a zone. */
function ipv6Bytes(host: string): Buffer {
  const [head = "", tail] = new URL(`http://[${host}]/`).hostname.slice(1, -1).split("::");
  const groups = (text: string | undefined) => (text ? text.split(":") : []);
  const [before, after] = [groups(head), groups(tail)];
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => "0");
  const values = [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
  return Buffer.from(values.flatMap((value) => [value >> 8, value & 0xff]));
}

/** Exactly so many bytes; what follows stays in the socket. */
async function read(socket: Socket, count: number): Promise<Buffer> {
  for (;;) {
    const bytes = socket.read(count) as Buffer | null;
    if (bytes !== null && bytes.length === count) return bytes;
    if (bytes !== null || socket.readableEnded || socket.destroyed)
      throw socket.errored ?? new UnavailableError("the proxy ended the connection");
    await new Promise<void>((resolve) => {
      const events = ["readable", "end", "close", "error"] as const;
      const wake = () => {
        for (const event of events) socket.off(event, wake);
        resolve();
      };
      for (const event of events) socket.on(event, wake);
    });
  }
}
