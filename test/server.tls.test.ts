import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type RequestOptions as HttpRequestOptions, request as httpRequest } from "node:http";
import { type RequestOptions, request } from "node:https";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { DatabaseEvent } from "../src/api.js";
import { type Server, type ServerOptions, startServer } from "../src/server.js";

const fixtures = resolve(import.meta.dirname, "fixtures/tls");
const pem = (name: string) => readFileSync(join(fixtures, name), "utf8");
const root = mkdtempSync(join(tmpdir(), "narthex-tls-"));
const webConfigFile = join(root, "web.yml");
const configFile = join(root, "narthex.yml");
const servers: Server[] = [];
const events: DatabaseEvent[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  events.length = 0;
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function start(web: string, config = "", changes: Partial<ServerOptions> = {}): Promise<Server> {
  writeFileSync(webConfigFile, web);
  writeFileSync(configFile, config);
  const server = await startServer({
    database: { directory: mkdtempSync(join(root, "data-")) },
    host: "127.0.0.1",
    port: 0,
    configFile,
    webConfigFile,
    version: "1.2.3",
    onEvent: (event) => events.push(event),
    ...changes,
  });
  servers.push(server);
  return server;
}

function tls(server: string, more = ""): string {
  const files = `cert_file: ${join(fixtures, server)}.crt, key_file: ${join(fixtures, server)}.key`;
  return `tls_server_config: { ${files}${more} }`;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  /** The common name of the server's certificate. */
  readonly server: string;
}

function ask(server: Server, path: string, options: RequestOptions = {}, body = ""): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const settings = { ca: pem("ca.crt"), agent: false, ...options } as const;
    const asked = request(`${server.url}${path}`, settings, (response) => {
      let text = "";
      const { CN } = (response.socket as TLSSocket).getPeerCertificate().subject;
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text, server: String(CN) }));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

const device = { cert: pem("device.crt"), key: pem("device.key") };
const stranger = { cert: pem("stranger.crt"), key: pem("stranger.key") };
const verify = `, client_ca_file: ${fixtures}/ca.crt, client_auth_type: VerifyClientCertIfGiven`;
const push = (server: Server, options: RequestOptions) =>
  ask(server, "/api/v1/import/prometheus", { method: "POST", ...options }, "gh_celsius 21\n");

describe("a server with tls_server_config", () => {
  it("speaks HTTPS, and takes a renewed certificate at a reload", async () => {
    const server = await start(tls("server"));
    expect(server.url).toMatch(/^https:/);
    expect(await ask(server, "/-/healthy")).toMatchObject({ status: 200, server: "localhost" });
    writeFileSync(webConfigFile, tls("renewed"));
    await server.reload();
    expect(await ask(server, "/-/healthy")).toMatchObject({ status: 200, server: "renewed" });
    writeFileSync(webConfigFile, tls("absent"));
    await expect(server.reload()).rejects.toThrow("tls_server_config.cert_file cannot be used");
    expect(await ask(server, "/-/healthy")).toMatchObject({ server: "renewed" });
    writeFileSync(webConfigFile, "");
    await server.reload();
    expect(events.at(-2)).toMatchObject({
      level: "warning",
      message: expect.stringContaining("until the server"),
    });
  });

  it("knows a device by its verified certificate, and forces its labels", async () => {
    const certificates = "[{ names: [gh-01.example.org], labels: { instance: gh-01 } }]";
    const config = `push_configs: [{ job_name: g, certificates: ${certificates} }]`;
    const server = await start(tls("server", verify), config);
    expect((await push(server, device)).status).toBe(204);
    const [series] = await server.database.findSeries({ match: ["gh_celsius"] });
    expect(String(series)).toBe('gh_celsius{instance="gh-01", job="g"}');
    expect(await ask(server, "/api/v1/labels", device)).toMatchObject({
      status: 403,
      text: expect.stringContaining("it may push"),
    });
    expect((await ask(server, "/api/v1/labels")).status).toBe(200);
    expect((await push(server, {})).status).toBe(401);
    await expect(push(server, stranger)).rejects.toThrow();
  });

  it("believes no name in a certificate that it has not verified", async () => {
    const config = "push_configs: [{ job_name: g, certificates: [{ names: [gh-01] }] }]";
    const server = await start(tls("server", ", client_auth_type: RequestClientCert"), config);
    expect((await push(server, stranger)).status).toBe(401);
    expect((await push(server, device)).status).toBe(401);
  });

  it("ends connections without the certificate that it demands", async () => {
    const required = verify.replace("VerifyClientCertIfGiven", "RequireAndVerifyClientCert");
    const server = await start(tls("server", required));
    expect((await ask(server, "/-/healthy", device)).status).toBe(200);
    await expect(ask(server, "/-/healthy")).rejects.toThrow();
    await expect(ask(server, "/-/healthy", stranger)).rejects.toThrow();
    const any = await start(tls("server", ", client_auth_type: RequireAnyClientCert"));
    expect((await ask(any, "/-/healthy", stranger)).status).toBe(200);
    await expect(ask(any, "/-/healthy")).rejects.toThrow();
  });

  it.each([
    ["tls_server_config: { cert_file: x }", "web.yml:1:33: tls_server_config.cert_file cannot be used"],
    [`tls_server_config: { cert_file: ${fixtures}/server.crt }`, "tls_server_config.key_file must be given"],
    [tls("server").replace("server.key", "device.key"), "cert_file and the key are not usable"],
    [tls("server", ", client_auth_type: Maybe"), "client_auth_type must be one of NoClientCert"],
    [tls("server", ", client_auth_type: RequireAndVerifyClientCert"), "client_ca_file must be given"],
    [tls("server", ", min_version: TLS9"), "min_version must be one of TLS10"],
    ["basic_auth_users: { alice: s3cret }", "basic_auth_users.alice must be a bcrypt hash"],
    ["http_server_config: { headers: { 'a b': c } }", "is no name of a header"],
    ["basic_auth_user: {}", 'did you mean "basic_auth_users"?'],
  ])("refuses %s", async (web, message) => {
    const failure = await start(web).catch((error: Error) => error.message);
    expect(failure).toContain(message);
    expect(failure).not.toContain("s3cret");
  });
});

describe("a page whose host name was made to be ours", () => {
  it("changes nothing: over the loopback interface names count, not addresses", async () => {
    const server = await start("");
    const { port } = new URL(server.url);
    const statusFor = (host: string) =>
      new Promise<number>((resolve) => {
        const headers = { host, origin: `http://${host}` };
        const options: HttpRequestOptions = {
          port,
          path: "/api/v1/import/prometheus",
          method: "POST",
          headers,
        };
        httpRequest(options, (response) => resolve(response.resume().statusCode ?? 0)).end("a 1\n");
      });
    expect(await statusFor(`rebound.example:${port}`)).toBe(403);
    expect(await statusFor(`localhost:${port}`)).toBe(204);
    expect(await statusFor(`127.0.0.1:${port}`)).toBe(204);
  });
});
