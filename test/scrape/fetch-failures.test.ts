/**
 * Why a page could not be had: each failure names the URL, what was wrong, and the key of the configuration that would
 * change it. Servers, proxies and refusals are real.
 */

import { type AddressInfo, createServer, type Server } from "node:net";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { HttpClient } from "../../src/http-client/http-client.js";
import { defaultHttpClientConfig, type HttpClientConfig } from "../../src/http-client/http-client-config.js";
import { readTextFile } from "../../src/local-files.js";
import { fetchPage, PageRequest } from "../../src/scrape/fetch.js";
import { PageBuffer } from "../../src/scrape/page-buffers.js";
import { createAuthority } from "../support/certificates.js";
import { FakeClock } from "../support/fake-clock.js";
import { HttpServers } from "../support/http-servers.js";
import { freePort } from "../support/processes.js";
import { scrapeConfig } from "../support/scrape-config.js";

const servers = new HttpServers();
const rawServers: Server[] = [];
afterEach(() => servers.close());
afterAll(() => {
  for (const server of rawServers) server.close();
});

async function failureOf(url: string, http: Partial<HttpClientConfig> = {}): Promise<string> {
  const clock = new FakeClock(0);
  const config = scrapeConfig({ http: { ...defaultHttpClientConfig, ...http } });
  const client = new HttpClient(config.http, { clock, readFile: readTextFile });
  const options = { clock, signal: new AbortController().signal };
  try {
    await fetchPage(new PageRequest(url, config, client, "1"), new PageBuffer(), options);
    return "none";
  } catch (error) {
    return (error as Error).message;
  } finally {
    client.close();
  }
}

/** Whatever a client sends, it gets these bytes. */
async function answering(bytes: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(bytes));
  });
  rawServers.push(server);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const through = (proxy: string) => ({
  proxy: { http: proxy, https: proxy, noProxy: undefined, connectHeaders: {} },
});

describe("a scrape that fails says why", () => {
  it("when nothing takes connections", async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const [url, encrypted] = [`http://${address}/metrics`, `https://${address}/metrics`];
    const reason = `nothing takes connections there: connect ECONNREFUSED ${address}`;
    expect(await failureOf(url)).toBe(`cannot get ${url}: ${reason}`);
    expect(await failureOf(encrypted)).toBe(`cannot get ${encrypted}: ${reason}`);
  });

  it("when the name is not known", async () => {
    expect(await failureOf("http://nobody.invalid:80/metrics")).toMatch(
      /^cannot get http:\/\/nobody\.invalid:80\/metrics: the name (?:is not known here|could not be looked up.*): getaddrinfo \w+ nobody\.invalid$/,
    );
  });

  it.each([
    [401, "basic_auth, authorization and oauth2 say who asks"],
    [403, "basic_auth, authorization and oauth2 say who asks"],
    [404, "metrics_path, or url of a discovery, says what to ask for"],
    [503, undefined],
  ])("when the status is %d", async (status, remedy) => {
    const url = await servers.plain((_, response) => response.writeHead(status, "So").end());
    const rest = remedy === undefined ? "" : `; ${remedy}`;
    expect(await failureOf(`${url}/m`)).toBe(
      `cannot get ${url}/m: server returned HTTP status ${status} So${rest}`,
    );
  });

  it("when a redirect is not followed, leads nowhere, or to nobody", async () => {
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const away = await servers.plain((_, response) =>
      response.writeHead(302, { location: `${nobody}/x?signature=s3cr3t` }).end(),
    );
    const round = await servers.plain((request, response) =>
      response.writeHead(302, { location: request.url! }).end(),
    );
    expect(await failureOf(away, { followRedirects: false })).toMatch(
      /HTTP status 302 Found; follow_redirects is false$/,
    );
    const failure = await failureOf(away);
    expect(failure).toContain(`cannot get ${away}: redirected to ${nobody}/x: nothing takes connections`);
    expect(failure).not.toContain("s3cr3t");
    expect(await failureOf(round)).toBe(`cannot get ${round}: stopped after 10 redirects, at ${round}/`);
  });

  it("when what answers is something else", async () => {
    const noHttp = await answering("SSH-2.0-OpenSSH_9\r\n");
    expect(await failureOf(`http://${noHttp}/`)).toMatch(
      /^cannot get http:\S+ what answers does not speak HTTP; is it https, not http\?/,
    );
    expect(await failureOf(`https://${noHttp}/`)).toMatch(/does not speak TLS; is it http, not https\? /);
    const silent = await answering("");
    expect(await failureOf(`http://${silent}/`)).toMatch(/ended the connection without an answer$/);
  });

  it("when an encrypted server is asked in plain words", async () => {
    const alert = await answering("\x15\x03\x03\x00\x02\x02\x0a");
    expect(await failureOf(`http://${alert}/`)).toMatch(/does not speak HTTP; is it https, not http\?/);
  });

  it("when the proxy cannot be reached, refuses, or answers in the server's place", async () => {
    const gone = `127.0.0.1:${await freePort()}`;
    const reason = `the proxy of proxy_url, ${gone}: nothing takes connections there`;
    for (const url of ["http://h/m", "https://h/m"])
      for (const scheme of ["http", "socks5"])
        expect(await failureOf(url, through(`${scheme}://u:s3cr3t@${gone}`))).toBe(
          `cannot get ${url}: ${reason}: connect ECONNREFUSED ${gone}`,
        );
    const proxy = await servers.proxy(
      (request, response) => response.writeHead(request.headers["proxy-authorization"] ? 502 : 407).end(),
      () => false,
    );
    expect(await failureOf("http://h/m", through(proxy))).toMatch(
      /HTTP status 407 Proxy Authentication Required; .* name and password stand in proxy_url$/,
    );
    expect(await failureOf("http://h/m", through(proxy.replace("//", "//u:p@")))).toMatch(
      /HTTP status 502 Bad Gateway; the proxy of proxy_url may have said so$/,
    );
    expect(await failureOf("https://h/m", through(proxy))).toMatch(
      /^cannot get https:\/\/h\/m: the proxy refused the connection: 407 No; name and password stand in proxy_url$/,
    );
  });

  it("when there is no token to be had", async () => {
    const oauth2 = (tokenUrl: string): Partial<HttpClientConfig> => ({
      authorization: {
        ...{ kind: "oauth2", clientId: "c", clientSecret: { text: "s3cr3t" }, scopes: [], tokenUrl },
        ...{ endpointParams: {}, client: defaultHttpClientConfig },
      },
    });
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const refusing = await servers.plain((_, response) => response.writeHead(401).end());
    expect(await failureOf("http://h/m", oauth2(nobody))).toMatch(
      /^cannot get http:\/\/h\/m: no token of token_url: nothing takes connections there/,
    );
    expect(await failureOf("http://h/m", oauth2(refusing))).toMatch(
      /: the server of token_url answered with HTTP status 401$/,
    );
  });
});

const authority = createAuthority();

describe.skipIf(authority === undefined)("a scrape over TLS that fails says why", () => {
  const tls = { ...defaultHttpClientConfig.tls, ...(authority && { ca: { text: authority.cert } }) };
  const own = authority?.sign("node.example");

  it.each([
    [
      "our certificate is wanted",
      { ca: authority?.cert, requestCert: true, rejectUnauthorized: true },
      {},
      /cert_file and key_file of tls_config give one/,
    ],
    ["its authority is not known", {}, { ca: undefined }, /ca_file names the authority$/],
    ["it is somebody else", {}, { serverName: "other" }, /server_name says whom to expect$/],
    [
      "it speaks older versions only",
      { maxVersion: "TLSv1.2" },
      { minVersion: "TLSv1.3" },
      /min_version and max_version of tls_config/,
    ],
  ] as const)("when %s", async (_, server, client, reason) => {
    const url = await servers.secure({ ...own, ...server } as object, (_request, response) => response.end());
    const failure = await failureOf(url, { tls: { ...tls, ...client } });
    expect(failure).toMatch(reason);
    expect(failure.startsWith(`cannot get ${url}: `)).toBe(true);
  });
});
