import { describe, expect, it } from "vitest";
import { buildProgram } from "../../src/cli/program.js";
import { serveFlags } from "../../src/cli/serve-flags.js";
import type { Terminal } from "../../src/cli/terminal.js";

function flagsOf(...args: string[]) {
  const program = buildProgram({} as Terminal);
  const serve = program.commands.find((command) => command.name() === "serve")!;
  serve.action(() => {});
  program.parse(["node", "narthex", "serve", ...args]);
  return serveFlags(serve);
}

describe("the flags of a server", () => {
  it("are all there, as text, by Prometheus' names", () => {
    expect(flagsOf()).toEqual({
      "config.file": "",
      "enable-feature": "",
      "graphite.listen-address": "",
      "query.lookback-delta": "5m",
      "query.max-samples": "50000000",
      "query.timeout": "2m",
      "sample-data": "false",
      "storage.durability": "commit",
      "storage.tsdb.block-encoding": "adaptive",
      "storage.tsdb.path": "./data",
      "storage.tsdb.retention.size": "0B",
      "storage.tsdb.retention.time": "0s",
      "web.config.file": "",
      "web.cors.origin": "",
      "web.enable-admin-api": "false",
      "web.enable-lifecycle": "false",
      "web.listen-address": "127.0.0.1:9090",
    });
  });

  it("are what the command line says", () => {
    const flags = flagsOf(
      ...["--data", "d", "--config", "p.yml", "--web.listen-address", "[::1]:1", "--web.enable-admin-api"],
      ...["--storage.tsdb.retention.time", "90d", "--storage.tsdb.retention.size", "50GB"],
      ...["--enable-feature", "a,b", "--query.max-samples", "7", "--query.timeout", "90"],
    );
    expect(flags).toMatchObject({
      "config.file": "p.yml",
      "enable-feature": "a,b",
      "query.max-samples": "7",
      "query.timeout": "1m30s",
      "storage.tsdb.path": "d",
      "storage.tsdb.retention.size": "50GB",
      "storage.tsdb.retention.time": "90d",
      "web.enable-admin-api": "true",
      "web.listen-address": "[::1]:1",
    });
  });
});
