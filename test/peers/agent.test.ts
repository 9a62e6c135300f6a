/**
 * A real node_exporter behind an agent, each in a process of its own: the same series as when it is scraped directly,
 * and `up` as the agent comes and goes.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { builtCli, freePort, query, type RunningServer, start, startNarthex } from "../support/processes.js";

const exporterBinary = findPeer("prometheus-node-exporter");
const isMissing = isPeerMissing("prometheus-node-exporter");

describe.skipIf(isMissing)("a real node_exporter behind an agent", () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-behind-"));
  let exporter: RunningServer;
  let server: RunningServer;
  let agent: ChildProcess;
  let address: string;

  const startAgent = () =>
    spawn(
      process.execPath,
      [
        ...[builtCli, "agent", "--server", server.url, "--token-file", join(directory, "token")],
        ...["--job", "node", "--target", address],
      ],
      { stdio: "ignore" },
    );
  const upOf = async () => (await query(server, "query", { query: 'up{agent="cellar"}' }))[0]?.value?.[1];

  beforeAll(async () => {
    address = `127.0.0.1:${await freePort()}`;
    exporter = await start(
      exporterBinary!,
      [`--web.listen-address=${address}`],
      `http://${address}`,
      "/metrics",
    );
    writeFileSync(join(directory, "token"), "s3cret\n");
    const configFile = join(directory, "narthex.yml");
    writeFileSync(
      configFile,
      `scrape_configs:
  - { job_name: node, scrape_interval: 1s, static_configs: [{ targets: ["${address}"] }] }
agent_configs:
  - { name: cellar, token_file: token, jobs: [node] }
`,
    );
    server = await startNarthex(join(directory, "data"), ["--config", configFile]);
    agent = startAgent();
  });

  afterAll(async () => {
    agent.kill("SIGKILL");
    await Promise.all([server?.stop(), exporter?.stop()]);
    rmSync(directory, { recursive: true, force: true });
  });

  it("has the series that it has when it is asked directly, and the label of its agent", async () => {
    await eventually(async () => {
      expect(await upOf()).toBe("1");
      const names = async (selector: string) => {
        const found = await query(server, "query", {
          query: `count by (__name__) ({job="node", ${selector}, __name__!~"scrape_.*"})`,
        });
        return found.map(({ metric, value }) => [metric.__name__, value?.[1]]);
      };
      const direct = await names('agent=""');
      expect(direct.length).toBeGreaterThan(100);
      expect(await names('agent="cellar"')).toEqual(direct);
    });
  });

  it("is down while the agent is dead, and up when it is back", async () => {
    agent.kill("SIGKILL");
    await eventually(async () => expect(await upOf()).toBe("0"));
    expect(await query(server, "query", { query: 'node_load1{agent="cellar"}' })).toEqual([]);
    agent = startAgent();
    await eventually(async () => {
      expect(await upOf()).toBe("1");
      expect(await query(server, "query", { query: 'node_load1{agent="cellar"}' })).toHaveLength(1);
    });
  });
});
