import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { type Server, startServer } from "../src/server.js";
import { eventually } from "./support/eventually.js";
import { freePort } from "./support/processes.js";

const root = mkdtempSync(join(tmpdir(), "narthex-graphite-"));
const configFile = join(root, "narthex.yml");
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function start(): Promise<Server> {
  const server = await startServer({
    database: { directory: join(root, "data") },
    host: "127.0.0.1",
    port: 0,
    graphite: { host: "127.0.0.1", port: await freePort() },
    configFile,
    version: "1.2.3",
    onEvent: () => {},
  });
  servers.push(server);
  return server;
}

async function sendLines(server: Server, text: string): Promise<void> {
  const socket = connect(server.graphitePort!, "127.0.0.1");
  socket.end(text);
  socket.resume();
  await once(socket, "close");
}

async function names(server: Server): Promise<readonly string[]> {
  return (await server.database.findSeries({ match: ['{__name__=~"load.*"}'] })).map(String);
}

describe("a server with --graphite.listen-address", () => {
  it("stores lines by its templates, over TCP and UDP, and counts them", async () => {
    writeFileSync(configFile, 'graphite: { templates: ["servers .host.name"] }');
    const server = await start();
    await sendLines(server, "servers.web1.load 0.5\nservers.web2.load 1.5\nnonsense\n");
    await eventually(async () =>
      expect(await names(server)).toEqual(['load{host="web1"}', 'load{host="web2"}']),
    );
    const datagrams = createSocket("udp4");
    await new Promise((sent) =>
      datagrams.send("servers.web3.load 2", server.graphitePort!, "127.0.0.1", sent),
    );
    datagrams.close();
    const page = async () => (await fetch(`${server.url}/metrics`)).text();
    await eventually(async () => expect(await page()).toMatch(/^narthex_graphite_samples_total 3$/m));
    expect(await page()).toMatch(/^narthex_graphite_datagrams_total 1$/m);
    expect(await page()).toMatch(/^narthex_graphite_refused_total 1$/m);
    writeFileSync(configFile, 'graphite: { templates: ["servers .machine.name"] }');
    await server.reload();
    await sendLines(server, "servers.web4.load 3\n");
    await eventually(async () => expect(await names(server)).toContain('load{machine="web4"}'));
  });

  it("takes lines from where push_configs allow it, and stores what has arrived before it closes", async () => {
    writeFileSync(configFile, "push_configs: [{ job_name: g, addresses: [{ cidr: 10.0.0.0/8 }] }]");
    const server = await start();
    await sendLines(server, "load_refused 1\n");
    await eventually(() => expect(server.database.sources.refusedAdmissions()).toHaveLength(1));
    expect(await names(server)).not.toContain("load_refused");
    writeFileSync(
      configFile,
      "push_configs: [{ job_name: g, addresses: [{ cidr: 127.0.0.1, labels: { instance: lan } }] }]",
    );
    await server.reload();
    const socket = connect(server.graphitePort!, "127.0.0.1");
    socket.resume();
    socket.on("error", () => {});
    await new Promise((written) => socket.write("load_open 1\n", written));
    await eventually(async () => expect(await names(server)).toContain('load_open{instance="lan", job="g"}'));
    await server.close();
    const reopened = await start();
    expect(await names(reopened)).toContain('load_open{instance="lan", job="g"}');
  });
});
