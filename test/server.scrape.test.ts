/**
 * A server that scrapes: from a configuration with a secret in a file, over TLS, to what can be asked of it.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { type Server, startServer } from "../src/server.js";
import { createAuthority } from "./support/certificates.js";
import { eventually } from "./support/eventually.js";
import { HttpServers } from "./support/http-servers.js";

const root = mkdtempSync(join(tmpdir(), "narthex-scrapes-"));
const targets = new HttpServers();
const authority = createAuthority();
let server: Server | undefined;

afterEach(async () => {
  await server?.close();
  targets.close();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function page(path: string): Promise<string> {
  return (await fetch(`${server!.url}${path}`)).text();
}

describe.skipIf(authority === undefined)("a server with scrape_configs", () => {
  it("scrapes over TLS with a token, and shows all but the token", async () => {
    const target = await targets.secure(authority!.sign("node"), ({ headers }, response) => {
      if (headers.authorization !== "Bearer s3cr3t") return response.writeHead(401).end();
      response.setHeader("content-type", "text/plain");
      return response.end("# HELP a What a is.\n# TYPE a counter\na 7\nb 1\nb 2\n");
    });
    const configFile = join(root, "narthex.yml");
    const write = (token: string) => writeFileSync(join(root, "token"), token);
    write("wrong");
    writeFileSync(join(root, "ca.pem"), authority!.cert);
    writeFileSync(
      configFile,
      `scrape_configs:
  - job_name: node
    scrape_interval: 50ms
    scheme: https
    authorization: { credentials_file: token }
    tls_config: { ca_file: ca.pem, server_name: node }
    static_configs: [{ targets: ["${target.replace("https://", "")}"], labels: { instance: n } }]
`,
    );
    server = await startServer({
      database: { directory: join(root, "data") },
      ...{ host: "127.0.0.1", port: 0, configFile, version: "1.2.3", onEvent: () => {} },
    });
    await eventually(async () => expect(await page("/api/v1/targets")).toContain("HTTP status 401"));
    write("s3cr3t\n");
    await eventually(async () => expect(await page("/api/v1/query?query=a")).toContain('"7"'));
    const seen = await page("/api/v1/targets");
    expect(seen).toContain('"health":"up"');
    expect(seen).not.toContain("s3cr3t");
    expect(await page("/api/v1/metadata?metric=a")).toMatch(/"type":"counter".*"help":"What a is\."/);
    const own = await page("/metrics");
    expect(own).toMatch(/^narthex_scrapes_total [1-9]/m);
    expect(own).toMatch(/^narthex_scrape_failures_total [1-9]/m);
    expect(own).toMatch(/^narthex_scrape_samples_not_stored_total\{reason="duplicate-time"\} [1-9]/m);
  });
});

describe("a server with --enable-feature=extra-scrape-metrics", () => {
  it("reports timeout, limit and size of every job's scrapes, as Prometheus does", async () => {
    const target = await targets.plain((_, response) =>
      response.setHeader("content-type", "text/plain").end("a 7\n"),
    );
    const configFile = join(root, "extra.yml");
    const address = target.replace("http://", "");
    const settings = `scrape_interval: 50ms, sample_limit: 5, static_configs: [{ targets: ["${address}"] }]`;
    writeFileSync(configFile, `scrape_configs: [{ job_name: node, ${settings} }]\n`);
    server = await startServer({
      database: { directory: join(root, "extra"), enableFeatures: ["extra-scrape-metrics"] },
      ...{ host: "127.0.0.1", port: 0, configFile, version: "1.2.3", onEvent: () => {} },
    });
    await eventually(async () =>
      expect(await page("/api/v1/query?query=scrape_body_size_bytes")).toContain('"4"'),
    );
    expect(await page("/api/v1/query?query=scrape_sample_limit")).toContain('"5"');
    expect(await page("/api/v1/query?query=scrape_timeout_seconds")).toContain('"0.05"');
  });
});
