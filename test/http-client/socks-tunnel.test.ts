import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { HttpClient } from "../../src/http-client/http-client.js";
import { defaultHttpClientConfig, type HttpClientConfig } from "../../src/http-client/http-client-config.js";
import { systemClock } from "../../src/model/clock.js";
import { createAuthority } from "../support/certificates.js";
import { HttpServers } from "../support/http-servers.js";

const servers = new HttpServers();
const proxies: Server[] = [];
const clients: HttpClient[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  for (const proxy of proxies.splice(0)) proxy.close();
  servers.close();
});

interface ProxyOptions {
  /** With it only who knows it may pass. */
  readonly credentials?: string;
  /** What CONNECT is answered with. */
  readonly status?: number;
  /** What is said before anything else, in the place of SOCKS. */
  readonly greeting?: string;
}

/** A SOCKS proxy that leads everybody to `onward`, and remembers whom they asked for, in hexadecimal. */
async function socks(onward: string, { credentials, status = 0, greeting }: ProxyOptions = {}) {
  const asked: string[] = [];
  const serve = async (socket: Socket) => {
    const read = async (count: number) => {
      for (;;) {
        const bytes = socket.read(count) as Buffer | null;
        if (bytes !== null) return bytes;
        if (socket.destroyed || socket.readableEnded) throw new Error("gone");
        await new Promise((resolve) => socket.once("readable", resolve).once("close", resolve));
      }
    };
    const text = async () => (await read((await read(1))[0]!)).toString();
    if (greeting !== undefined) return void socket.end(greeting);
    const [, count] = await read(2);
    const methods = await read(count!);
    if (credentials === undefined) socket.write(Buffer.from([5, 0]));
    else if (!methods.includes(2)) return void socket.end(Buffer.from([5, 0xff]));
    else {
      socket.write(Buffer.from([5, 2]));
      await read(1);
      const isKnown = `${await text()}:${await text()}` === credentials;
      socket.write(Buffer.from([1, Number(!isKnown)]));
      if (!isKnown) return void socket.end();
    }
    const [, , , type] = await read(4);
    const address = type === 3 ? Buffer.from(await text()) : await read(type === 1 ? 4 : 16);
    asked.push(`${type} ${type === 3 ? address : address.toString("hex")} ${(await read(2)).readUInt16BE()}`);
    socket.write(Buffer.from([5, status, 0, 1, 0, 0, 0, 0, 0, 0]));
    if (status !== 0) return void socket.end();
    const there = connect(Number(new URL(onward).port), "127.0.0.1");
    there.on("error", () => socket.destroy());
    socket.pipe(there).pipe(socket);
  };
  const proxy = createServer((socket) => {
    socket.on("error", () => {});
    serve(socket).catch(() => socket.destroy());
  });
  proxies.push(proxy);
  await new Promise<void>((listening) => proxy.listen(0, "127.0.0.1", listening));
  return { asked, place: `127.0.0.1:${(proxy.address() as { port: number }).port}` };
}

async function get(
  proxyUrl: string,
  url: string,
  changes: Partial<HttpClientConfig> = {},
  signal?: AbortSignal,
) {
  const proxy = { http: proxyUrl, https: proxyUrl, noProxy: undefined, connectHeaders: {} };
  const client = new HttpClient(
    { ...defaultHttpClientConfig, proxy, ...changes },
    { clock: systemClock, readFile: async () => "" },
  );
  clients.push(client);
  const response = await client.request(url, { headers: {}, signal: signal ?? new AbortController().signal });
  let text = "";
  for await (const piece of response) text += piece;
  return text;
}

describe("a SOCKS proxy", () => {
  it("opens connections, and looks up names itself", async () => {
    const target = await servers.plain(({ url, headers }, response) => response.end(`${headers.host}${url}`));
    const { asked, place } = await socks(target);
    for (const scheme of ["socks5", "socks5h"])
      expect(await get(`${scheme}://${place}`, "http://node.example:9100/metrics?a=b")).toBe(
        "node.example:9100/metrics?a=b",
      );
    await get(`socks5://${place}`, "http://192.0.2.7/");
    await get(`socks5://${place}`, "http://[2001:db8::a:7]:81/");
    expect(asked).toEqual([
      "3 node.example 9100",
      "3 node.example 9100",
      "1 c0000207 80",
      "4 20010db80000000000000000000a0007 81",
    ]);
  });

  it("is told who asks when it wants to know, and no message tells it", async () => {
    const target = await servers.plain((_, response) => response.end("there"));
    const { place } = await socks(target, { credentials: "u:s3@cret" });
    expect(await get(`socks5://u:s3%40cret@${place}`, "http://node/")).toBe("there");
    const failures = [
      await get(`socks5://u:wr0ng@${place}`, "http://node/").catch(String),
      await get(`socks5://${place}`, "http://node/").catch(String),
    ];
    expect(failures).toEqual([
      "UnavailableError: the proxy refused the name or the password",
      "UnavailableError: the proxy wants to know who asks, in a way that was not offered",
    ]);
  });

  it.each([
    [{ status: 5 }, "the proxy refused the connection: connection refused"],
    [{ status: 99 }, "the proxy refused the connection: status 99"],
    [{ greeting: "HTTP/1.1 400 Bad\r\n\r\n" }, "the proxy does not speak SOCKS 5"],
    [{ greeting: "" }, "the proxy ended the connection"],
  ])("says why there is no connection: %j", async (options, message) => {
    const { place } = await socks("http://127.0.0.1:1", options);
    await expect(get(`socks5://${place}`, "http://node/")).rejects.toThrow(message);
  });

  it.each(["socks5", "http"])("keeps nobody who gives up: %s", async (scheme) => {
    const mute = createServer();
    proxies.push(mute);
    await new Promise<void>((listening) => mute.listen(0, "127.0.0.1", listening));
    const { port } = mute.address() as { port: number };
    const giving = new AbortController();
    const connected = new Promise<Socket>((resolve) => mute.once("connection", resolve));
    const failure = get(`${scheme}://127.0.0.1:${port}`, "https://node/", {}, giving.signal).catch(String);
    const socket = await connected;
    giving.abort();
    expect(await failure).toMatch(/abort/);
    socket.destroy();
  });

  const authority = createAuthority();
  it.skipIf(authority === undefined)("passes on what is encrypted", async () => {
    const target = await servers.secure(authority!.sign("node.example"), (_, response) =>
      response.end("secret"),
    );
    const { asked, place } = await socks(target);
    const tls = { ...defaultHttpClientConfig.tls, ca: { text: authority!.cert } };
    expect(await get(`socks5://${place}`, "https://node.example/", { tls })).toBe("secret");
    expect(asked).toEqual(["3 node.example 443"]);
  });
});
