import { describe, expect, it } from "vitest";
import { buildProgram } from "../../src/cli/program.js";
import { unusedFlags } from "../../src/cli/prometheus-flags.js";
import { serveFlags } from "../../src/cli/serve-flags.js";
import type { Terminal } from "../../src/cli/terminal.js";

function parse(...args: string[]) {
  const program = buildProgram({} as Terminal);
  const serve = program.commands.find((command) => command.name() === "serve")!;
  serve.action(() => {});
  for (const command of [program, serve]) command.exitOverride().configureOutput({ writeErr: () => {} });
  program.parse(["node", "narthex", "serve", ...args]);
  return { flags: serveFlags(serve), unused: unusedFlags(serve) };
}

const flagsOf = (...args: string[]) => parse(...args).flags;

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
      "web.external-url": "",
      "web.listen-address": "127.0.0.1:9090",
    });
  });

  it("of a Prometheus are taken, and told of where they do nothing", () => {
    const args = [
      ...["--config.file=p.yml", "--storage.tsdb.path=d", "--web.listen-address=0.0.0.0:9090"],
      ...["--web.console.templates=/etc/c", "--log.level=info", "--no-storage.tsdb.wal-compression"],
      ...[
        "--web.enable-remote-write-receiver",
        "--web.external-url=https://m.example/",
        "--query.timeout=1m",
      ],
    ];
    const { flags, unused } = parse(...args);
    expect(flags).toMatchObject({ "storage.tsdb.path": "d", "web.external-url": "https://m.example/" });
    expect(Object.keys(flags)).not.toContain("log.level");
    expect(unused).toEqual([
      "--log.level is not acted on yet",
      "--web.console.templates is not needed: there are no such pages here",
      "--no-storage.tsdb.wal-compression is not needed: the log and the blocks here are others",
      "--web.enable-remote-write-receiver is not needed: that is always so here",
    ]);
  });

  it.each([
    ["--web.external-url=m.example", "Write a URL"],
    ["--web.external-url=https://m.example/prometheus", "Leave out what stands behind the host"],
    ["--storage.tsdb.wal-compresion", "unknown option"],
    ["--agent", "unknown option"],
  ])("refuse %s", (flag, message) => {
    expect(() => parse(flag)).toThrow(message);
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
