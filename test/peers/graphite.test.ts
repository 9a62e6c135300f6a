/**
 * Graphite's plaintext protocol, as netcat would send it, over TCP and UDP to the server as `narthex serve` starts it.
 */

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.js";
import { freePort, query, type RunningServer, startNarthex } from "../support/processes.js";

const directory = mkdtempSync(join(tmpdir(), "narthex-graphite-"));
const time = 1_763_640_000;

describe("Graphite, to a started server", () => {
  let server: RunningServer;
  let port: number;

  beforeAll(async () => {
    port = await freePort();
    const config = join(directory, "narthex.yml");
    writeFileSync(config, "graphite:\n  templates:\n    - servers.* .host.name* env=prod\n");
    const flags = ["--graphite.listen-address", `127.0.0.1:${port}`, "--config", config];
    server = await startNarthex(join(directory, "data"), flags);
  });

  afterAll(async () => {
    await server?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const seriesOf = async (selector: string) =>
    (await query(server, "query", { query: selector, time: String(time) })).map(
      ({ metric, value }) => `${JSON.stringify(Object.entries(metric).sort())} ${value![1]}`,
    );

  it("stores what comes over TCP, by its templates, and counts what it cannot read", async () => {
    const socket = connect(port, "127.0.0.1");
    socket.end(
      `servers.web1.cpu.load 0.25 ${time}\nroom.celsius;room=attic 21.4 ${time}\nnonsense\nlast 3 ${time}`,
    );
    await once(socket.resume(), "close");
    await eventually(async () => expect(await seriesOf("last")).toHaveLength(1));
    expect(await seriesOf('{__name__=~"cpu_load|room.celsius|last"}')).toEqual([
      '[["__name__","cpu_load"],["env","prod"],["host","web1"]] 0.25',
      '[["__name__","last"]] 3',
      '[["__name__","room.celsius"],["room","attic"]] 21.4',
    ]);
    const page = await (await fetch(`${server.url}/metrics`)).text();
    expect(page).toMatch(/^narthex_graphite_refused_total 1$/m);
    expect(page).toMatch(/^narthex_graphite_samples_total 3$/m);
  });

  it("stores what comes over UDP", async () => {
    const socket = createSocket("udp4");
    const lines = Array.from({ length: 50 }, (_, i) => `udp.value;i=${i} ${i} ${time}`);
    // As many lines as fit, and lines that a datagram ends without their end.
    for (const datagram of [lines.slice(0, 20).join("\n"), `${lines.slice(20).join("\n")}\n`])
      socket.send(datagram, port, "127.0.0.1");
    await eventually(async () => expect(await seriesOf("sum({__name__='udp.value'})")).toEqual(["[] 1225"]));
    socket.close();
  });
});
