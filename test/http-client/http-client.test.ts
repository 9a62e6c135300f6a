import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { describeFailure } from "../../src/http-client/describe-failure.js";
import { HttpClient } from "../../src/http-client/http-client.js";
import {
  defaultHttpClientConfig,
  type HttpClientConfig,
  type OAuth2Config,
} from "../../src/http-client/http-client-config.js";
import { readTextFile } from "../../src/local-files.js";
import { createAuthority } from "../support/certificates.js";
import { FakeClock } from "../support/fake-clock.js";
import { HttpServers } from "../support/http-servers.js";

const servers = new HttpServers();
const clients: HttpClient[] = [];
const clock = new FakeClock(0);
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "narthex-client-"));
});

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  servers.close();
  rmSync(directory, { recursive: true });
});

function create(changes: Partial<HttpClientConfig> = {}): HttpClient {
  const client = new HttpClient(
    { ...defaultHttpClientConfig, ...changes },
    { clock, readFile: readTextFile },
  );
  clients.push(client);
  return client;
}

async function get(client: HttpClient, url: string): Promise<string> {
  const { signal } = new AbortController();
  const response = await client.request(url, { headers: {}, signal });
  let text = `${response.statusCode} `;
  for await (const piece of response) text += piece;
  return text;
}

/** A server that answers with what it was asked. */
function echo(read: (request: IncomingMessage) => unknown): Promise<string> {
  return servers.plain((request, response) => response.end(String(read(request))));
}

function file(name: string, text: string): { file: string } {
  writeFileSync(join(directory, name), text);
  return { file: join(directory, name) };
}

describe("credentials", () => {
  it("are basic, a token, or headers; files are read at each request", async () => {
    const url = await echo(({ headers }) => `${headers.authorization} ${headers["x-tenant"]}`);
    const username = { text: "u" };
    const basic = create({ authorization: { kind: "basic", username, password: file("password", " p\n") } });
    expect(await get(basic, url)).toBe("200 Basic dTpw undefined");
    file("password", "q");
    expect(await get(basic, url)).toBe("200 Basic dTpx undefined");
    const token = create({
      authorization: { kind: "token", type: "Bearer", credentials: file("token", "t\n") },
      headers: { "X-Tenant": [{ text: "a" }, { text: "b" }] },
    });
    expect(await get(token, url)).toBe("200 Bearer t a, b");
    rmSync(join(directory, "token"));
    await expect(get(token, url)).rejects.toThrow(/token/);
  });

  it("are in no message, not even when they cannot be sent", async () => {
    const url = await echo(() => "");
    const client = create({
      authorization: { kind: "token", type: "Bearer", credentials: { text: "line one\nsecret" } },
    });
    const failure = await get(client, url).catch(String);
    expect(failure).toMatch(/authorization/);
    expect(failure).not.toMatch(/line one|secret/);
  });

  it("do not follow a redirect to another server, and are not taken up again", async () => {
    const authorization = { kind: "token", type: "Bearer", credentials: { text: "t" } } as const;
    const client = create({ authorization, headers: { cookie: [{ text: "c" }] } });
    const seen: (string | undefined)[] = [];
    let first = "";
    const other = await servers.plain((request, response) => {
      seen.push(request.headers.authorization, request.headers.cookie);
      if (request.url === "/back") response.writeHead(302, { location: `${first}/end` }).end();
      else response.end("there");
    });
    first = await servers.plain((request, response) => {
      if (request.url === "/end") seen.push(request.headers.authorization);
      const location =
        request.url === "/away" ? `${other}/back` : request.url === "/own" ? "/page" : undefined;
      if (location !== undefined) response.writeHead(302, { location }).end();
      else response.end(request.headers.authorization ?? "nobody");
    });
    expect(await get(client, `${first}/own`)).toBe("200 Bearer t");
    expect(await get(client, `${first}/away`)).toBe("200 nobody");
    expect(seen).toEqual([undefined, undefined, undefined]);
  });
});

describe("redirects", () => {
  it("end after ten, lead to http only, and may be refused", async () => {
    const round = await servers.plain((_, response) => response.writeHead(302, { location: "/" }).end());
    await expect(get(create(), round)).rejects.toThrow("stopped after 10 redirects");
    expect(await get(create({ followRedirects: false }), round)).toBe("302 ");
    const away = await servers.plain((_, response) =>
      response.writeHead(302, { location: "file:///etc/passwd" }).end(),
    );
    await expect(get(create(), away)).rejects.toThrow("redirected to what is neither http nor https");
  });
});

describe("oauth2", () => {
  const config = (tokenUrl: string, clientSecret: OAuth2Config["clientSecret"]): OAuth2Config => ({
    kind: "oauth2",
    clientId: "id",
    clientSecret,
    scopes: ["a", "b"],
    tokenUrl,
    endpointParams: { audience: "x" },
    client: defaultHttpClientConfig,
  });

  it("asks once until the token ends, or the secret changes", async () => {
    const asked: string[] = [];
    const tokens = await servers.plain(async (request, response) => {
      let form = "";
      for await (const piece of request) form += piece;
      asked.push(`${request.headers.authorization} ${form}`);
      response.end(
        JSON.stringify({ access_token: `t${asked.length}`, token_type: "bearer", expires_in: 60 }),
      );
    });
    const url = await echo(({ headers }) => headers.authorization);
    const client = create({ authorization: config(tokens, file("secret", "s")) });
    expect(await Promise.all([get(client, url), get(client, url)])).toEqual([
      "200 Bearer t1",
      "200 Bearer t1",
    ]);
    expect(asked).toEqual(["Basic aWQ6cw== grant_type=client_credentials&scope=a+b&audience=x"]);
    clock.advance(49_000);
    expect(await get(client, url)).toBe("200 Bearer t1");
    clock.advance(2_000);
    expect(await get(client, url)).toBe("200 Bearer t2");
    file("secret", "new");
    expect(await get(client, url)).toBe("200 Bearer t3");
  });

  it("says who it is in the form when the server wants that", async () => {
    let refusals = 0;
    const tokens = await servers.plain(async (request, response) => {
      let form = "";
      for await (const piece of request) form += piece;
      if (!form.includes("client_secret=s")) {
        refusals++;
        return response.writeHead(401).end();
      }
      return response.end(JSON.stringify({ access_token: "t", expires_in: 11 }));
    });
    const url = await echo(({ headers }) => headers.authorization);
    const client = create({ authorization: config(tokens, { text: "s" }) });
    expect(await get(client, url)).toBe("200 Bearer t");
    clock.advance(2_000);
    expect(await get(client, url)).toBe("200 Bearer t");
    expect(refusals).toBe(1);
  });

  it("asks again when who asked for all gave up", async () => {
    const waiting: (() => void)[] = [];
    const tokens = await servers.plain((_, response) => {
      waiting.push(() => response.end(JSON.stringify({ access_token: "t" })));
    });
    const url = await echo(({ headers }) => headers.authorization);
    const client = create({ authorization: config(tokens, { text: "s" }) });
    const impatient = new AbortController();
    const first = client.request(url, { headers: {}, signal: impatient.signal }).catch(String);
    const second = get(client, url);
    while (waiting.length < 1) await new Promise(setImmediate);
    impatient.abort();
    expect(await first).toMatch(/abort/);
    while (waiting.length < 2) await new Promise(setImmediate);
    waiting[1]!();
    expect(await second).toBe("200 Bearer t");
  });

  it("says why there is no token, without the secret", async () => {
    const tokens = await servers.plain((_, response) =>
      response
        .writeHead(400)
        .end(JSON.stringify({ error: "invalid_client", error_description: "not s3cr3t" })),
    );
    const client = create({ authorization: config(tokens, { text: "s3cr3t" }) });
    const failure = await get(client, await echo(() => "")).catch(String);
    expect(failure).toMatch(/HTTP status 400: invalid_client$/);
  });
});

describe("a proxy", () => {
  const through = (url: string, noProxy?: string): HttpClientConfig["proxy"] => ({
    http: url,
    https: url,
    noProxy,
    connectHeaders: { "X-Pass": [{ text: "letmein" }] },
  });

  it("is asked for whole URLs of http", async () => {
    const proxy = await servers.proxy(
      ({ url, headers }, response) =>
        response.end(`${url} ${headers.host} ${headers["proxy-authorization"]}`),
      () => false,
    );
    const client = create({ proxy: through(proxy.replace("//", "//u:p%40@")) });
    expect(await get(client, "http://target.example:9100/metrics?a=b")).toBe(
      "200 http://target.example:9100/metrics?a=b target.example:9100 Basic dTpwQA==",
    );
  });

  it("is left out for what no_proxy names, and then for this machine", async () => {
    const url = await echo(() => "directly");
    const proxy = await servers.proxy(
      (_, response) => response.end("by proxy"),
      () => false,
    );
    expect(await get(create({ proxy: through(proxy) }), url)).toBe("200 by proxy");
    expect(await get(create({ proxy: through(proxy, "example.org") }), url)).toBe("200 directly");
  });

  it("refuses with its status, and its password is in no message", async () => {
    const proxy = await servers.proxy(
      () => {},
      () => false,
    );
    const client = create({ proxy: through(proxy.replace("//", "//u:s3cr3t@")) });
    const failure = await get(client, "https://target.example/").catch(String);
    expect(failure).toMatch(/the proxy refused the connection: 407 No; name and password/);
    const bad = await get(create({ proxy: through("socks4://u:s3cr3t@h") }), "http://a/").catch(String);
    expect(bad).toMatch(/must begin with http:/);
    expect(failure + bad).not.toContain("s3cr3t");
  });
});

const authority = createAuthority();

describe.skipIf(authority === undefined)("TLS", () => {
  const tls = defaultHttpClientConfig.tls;
  const server = authority?.sign("node.example");
  const client = authority?.sign("scraper");

  function greet(extra: object = {}): Promise<string> {
    return servers.secure({ ...server, ...extra }, (request, response) => {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      response.end(`${(request.socket as TLSSocket).getProtocol()} ${subject?.CN ?? "nobody"}`);
    });
  }

  it("trusts whom it is told to trust", async () => {
    const url = await greet();
    await expect(get(create(), url)).rejects.toThrow(/certificate/);
    const ca = { text: authority!.cert };
    expect(await get(create({ tls: { ...tls, ca } }), url)).toBe("200 TLSv1.3 nobody");
    expect(await get(create({ tls: { ...tls, insecureSkipVerify: true } }), url)).toBe("200 TLSv1.3 nobody");
    expect(await get(create({ tls: { ...tls, ca, serverName: "node.example" } }), url)).toMatch(/^200/);
    await expect(get(create({ tls: { ...tls, ca, serverName: "other" } }), url)).rejects.toThrow(/other/);
    expect(await get(create({ tls: { ...tls, ca, maxVersion: "TLSv1.2" } }), url)).toBe("200 TLSv1.2 nobody");
  });

  it("says what to do when the other one is not the one", async () => {
    const url = await greet();
    const plain = await servers.plain((_, response) => response.end());
    const why = (asked: HttpClient, place: string) => get(asked, place).then(() => "", describeFailure);
    const trusting = (serverName: string) =>
      create({ tls: { ...tls, ca: { text: authority!.cert }, serverName } });
    expect(await why(create(), url)).toMatch(/not known here; ca_file names/);
    expect(await why(trusting("other"), url)).toMatch(
      /^the certificate is for .*DNS:node\.example.* and not for other; server_name /,
    );
    expect(await why(trusting("other"), plain.replace("http:", "https:"))).toMatch(/does not speak TLS/);
  });

  it("shows its certificate, takes it from files anew when they change, and keeps it from others", async () => {
    const mutual = { ca: authority!.cert, requestCert: true, rejectUnauthorized: true };
    const elsewhere = await greet({ ca: authority!.cert, requestCert: true, rejectUnauthorized: false });
    const url = await greet(mutual);
    const cert = file("cert.pem", client!.cert);
    const key = file("key.pem", client!.key);
    const shown = create({ tls: { ...tls, ca: { text: authority!.cert }, cert, key } });
    expect(await get(shown, url)).toBe("200 TLSv1.3 scraper");
    const renewed = authority!.sign("renewed");
    file("cert.pem", renewed.cert);
    await expect(get(shown, url)).rejects.toThrow("of tls_config are not usable");
    file("key.pem", renewed.key);
    expect(await get(shown, url)).toBe("200 TLSv1.3 renewed");
    const away = await servers.plain((_, response) => response.writeHead(302, { location: elsewhere }).end());
    expect(await get(shown, elsewhere)).toBe("200 TLSv1.3 renewed");
    expect(await get(shown, away)).toBe("200 TLSv1.3 nobody");
    await expect(get(create({ tls: { ...tls, ca: { text: authority!.cert } } }), url)).rejects.toThrow();
  });

  it("goes through the tunnel of a proxy, from end to end", async () => {
    const url = await greet();
    const asked: string[] = [];
    const proxy = await servers.proxy(
      () => {},
      (place, authorization) => {
        asked.push(place);
        return authorization === "letmein";
      },
    );
    const connectHeaders = { "x-pass": [{ text: "letmein" }] };
    const config = { ca: { text: authority!.cert }, serverName: "node.example" };
    const through = create({
      tls: { ...tls, ...config },
      proxy: { http: proxy, https: proxy, noProxy: undefined, connectHeaders },
    });
    expect(await get(through, url)).toBe("200 TLSv1.3 nobody");
    expect(await get(through, url)).toBe("200 TLSv1.3 nobody");
    expect(asked).toEqual([url.replace("https://", "")]);
  });
});
