/**
 * Remote write: `npm run bench -- remote-write`. The kernel alone; then the same bodies sent, by a process of its own
 * over four connections, to our server (every answer durable), to a VictoriaMetrics and to a Prometheus.
 *
 * `--quick` sends a tenth. `--only=kernel,steady,new` chooses parts. The peers are looked for as the tests do, in
 * PEERS_BIN and PATH. NODE_FLAGS go to our server's node.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ReferenceRemoteWriteKernel } from "../../src/kernels/reference-remote-write-kernel.js";
import { type RemoteWriteKernel, remoteWriteKernel } from "../../src/kernels/remote-write-kernel.js";
import { findPeer } from "../../test/support/peers.js";
import { startPrometheus } from "../../test/support/processes.js";
import {
  type Amount,
  type DrivenServer,
  drivePushes,
  metered,
  startVictoria,
} from "../support/drive-pushes.js";
import { startNarthexProcess } from "../support/query-server.js";
import { RequestEncoder, requestsOf, SAMPLES_PER_REQUEST } from "../support/remote-write-requests.js";
import { type Comparison, printSideBySide } from "../support/side-by-side.js";

const isQuick = process.argv.includes("--quick");
const only = process.argv
  .find((word) => word.startsWith("--only="))
  ?.slice("--only=".length)
  .split(",");
const isWanted = (part: string) => only === undefined || only.includes(part);
const scale = isQuick ? 0.1 : 1;
const limits = { decodedSizeMax: 2 ** 25, labelBytesMax: 2 ** 25 };

if (isWanted("kernel")) await benchKernel();
if (isWanted("steady"))
  await benchServers("10,000 series", {
    series: 10_000,
    rounds: Math.round(500 * scale),
    warmUpRounds: Math.round(100 * scale),
  });
if (isWanted("new"))
  await benchServers("200,000 new series, 10 min of data", {
    series: Math.round(200_000 * scale),
    rounds: 40,
    warmUpRounds: 0,
  });

async function benchKernel(): Promise<void> {
  const comparisons = ([1, 2] as const).flatMap((version) => {
    const load = { series: SAMPLES_PER_REQUEST, rounds: 1, connections: 1, endTime: 1_790_000_000_000 };
    const [body] = requestsOf(load, 0, new RequestEncoder(version));
    const kernels = { TypeScript: new ReferenceRemoteWriteKernel(), WebAssembly: remoteWriteKernel(2 ** 26) };
    for (const kernel of Object.values(kernels)) learn(kernel, version, body!);
    return [
      compare(
        `${version}.0, ${body!.length / SAMPLES_PER_REQUEST} bytes a sample, known series`,
        kernels,
        version,
        body!,
        1,
      ),
      compare(`${version}.0, series of another owner: not known`, kernels, version, body!, 2),
    ];
  });
  await printSideBySide("Remote write kernel: decompress, scan, hash, look up", "sample", comparisons);
}

function compare(
  name: string,
  kernels: Readonly<Record<string, RemoteWriteKernel>>,
  version: 1 | 2,
  body: Uint8Array,
  owner: number,
): Comparison {
  const forms = Object.entries(kernels).map(([form, kernel]) => {
    const run = () => {
      kernel.input(body.length).set(body);
      return kernel.decode(body.length, { version, owner, ...limits });
    };
    return [form, run] as const;
  });
  return { name, units: SAMPLES_PER_REQUEST, forms: Object.fromEntries(forms) };
}

function learn(kernel: RemoteWriteKernel, version: 1 | 2, body: Uint8Array): void {
  kernel.input(body.length).set(body);
  kernel.decode(body.length, { version, owner: 1, ...limits });
  for (let i = 0; i < kernel.entryCount; i++) kernel.remember(i, 1, i);
}

interface Receiver {
  readonly name: string;
  readonly version: 1 | 2;
  start(directory: string): Promise<DrivenServer>;
}

async function benchServers(title: string, amount: Amount): Promise<void> {
  console.log(`\nRemote write, ${title}, ${SAMPLES_PER_REQUEST} samples a request, 4 connections\n`);
  console.log("| | M samples/s | CPU s per M samples | M samples per CPU-second |\n|---|---:|---:|---:|");
  for (const receiver of receivers()) {
    const directory = mkdtempSync(join(tmpdir(), "narthex-bench-write-"));
    try {
      await benchServer(receiver, directory, amount);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
}

async function benchServer(receiver: Receiver, directory: string, amount: Amount): Promise<void> {
  const server = await receiver.start(directory);
  const protocol = `remote-write-${receiver.version}` as const;
  const { samples, seconds, cpuSeconds } = await drivePushes(server, "/api/v1/write", protocol, amount);
  await server.stop();
  const cells = [samples / seconds / 1e6, (cpuSeconds / samples) * 1e6, samples / cpuSeconds / 1e6];
  const name = `${receiver.name}, ${receiver.version}.0`;
  console.log(`| ${name} | ${cells.map((cell) => cell.toFixed(3)).join(" | ")} |`);
}

function receivers(): readonly Receiver[] {
  const found: Receiver[] = ([1, 2] as const).map((version) => ({
    name: "Narthex",
    version,
    start: startNarthexProcess,
  }));
  const victoriaMetrics = findPeer("victoria-metrics");
  const prometheus = findPeer("prometheus");
  if (victoriaMetrics !== undefined)
    found.push({
      name: "VictoriaMetrics",
      version: 1,
      start: (directory) => startVictoria(victoriaMetrics, directory),
    });
  if (prometheus !== undefined)
    for (const version of [1, 2] as const)
      found.push({
        name: "Prometheus",
        version,
        start: (directory) => startReceiving(prometheus, directory),
      });
  if (found.length < 5) console.log("!! not all peers are in PEERS_BIN or PATH: measured without them");
  return found;
}

async function startReceiving(binary: string, directory: string) {
  const configFile = join(directory, "prometheus.yml");
  writeFileSync(configFile, "");
  const flags = ["--web.enable-remote-write-receiver", "--log.level=error"];
  return metered(await startPrometheus(binary, { directory, configFile, flags }));
}
