/**
 * Push protocols: `npm run bench -- protocols`. The same samples in bodies of each, sent by a process of its own over
 * four connections to our server (every answer durable), and to a VictoriaMetrics where it speaks the protocol.
 *
 * `--quick` sends a tenth. `--only=text,influx` chooses protocols. VictoriaMetrics is looked for as the tests do, in
 * PEERS_BIN and PATH. NODE_FLAGS go to our server's node.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findPeer } from "../../test/support/peers.js";
import { type DrivenServer, drivePushes, startVictoria } from "../support/drive-pushes.js";
import { type PushProtocolName, pushForms, pushProtocols } from "../support/push-requests.js";
import { startNarthexProcess } from "../support/query-server.js";

const scale = process.argv.includes("--quick") ? 0.1 : 1;
const only = process.argv
  .find((word) => word.startsWith("--only="))
  ?.slice("--only=".length)
  .split(",");
const amount = { series: 10_000, rounds: Math.round(100 * scale), warmUpRounds: Math.round(20 * scale) };
const victoriaMetrics = findPeer("victoria-metrics");
if (victoriaMetrics === undefined)
  console.log("!! victoria-metrics is neither in PEERS_BIN nor in PATH: measured without it");

console.log("\n10,000 series, 2,000 samples a body, 4 connections\n");
console.log("| | bytes a sample | M samples/s | CPU s per M samples | M samples per CPU-second |");
console.log("|---|---:|---:|---:|---:|");
const chosen = [...pushProtocols, "remote-write-1"] as const;
for (const protocol of chosen.filter((name) => only?.includes(name) ?? true)) {
  const { path, victoriaPath } = pushForms[protocol];
  await bench(`Narthex, ${protocol}`, startNarthexProcess, path, protocol);
  if (victoriaMetrics !== undefined && victoriaPath !== undefined) {
    const startPeer = (directory: string) => startVictoria(victoriaMetrics, directory);
    await bench(`VictoriaMetrics, ${protocol}`, startPeer, victoriaPath, protocol);
  }
}

async function bench(
  name: string,
  start: (directory: string) => Promise<DrivenServer>,
  path: string,
  protocol: PushProtocolName,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "narthex-bench-protocols-"));
  try {
    const server = await start(directory);
    const { samples, seconds, cpuSeconds } = await drivePushes(server, path, protocol, amount);
    await server.stop();
    const cells = [samples / seconds / 1e6, (cpuSeconds / samples) * 1e6, samples / cpuSeconds / 1e6];
    const figures = [bytesPerSample(protocol).toFixed(0), ...cells.map((cell) => cell.toFixed(3))];
    console.log(`| ${name} | ${figures.join(" | ")} |`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function bytesPerSample(protocol: PushProtocolName): number {
  const rows = Array.from({ length: 1000 }, (_, series) => ({
    series,
    time: 1_790_000_000_000,
    value: series / 4,
  }));
  return pushForms[protocol].encoder().encode(rows).length / rows.length;
}
