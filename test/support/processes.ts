/**
 * Real processes for tests: our server, a real Prometheus, exporters; each on a free port of 127.0.0.1.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const builtCli = join(dirname(fileURLToPath(import.meta.url)), "../../dist/cli/main.js");

export interface RunningServer {
  readonly url: string;
  readonly process: ChildProcess;
  /** Resolves when the process is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Below the ports that systems hand out by themselves, which another socket may take before a server binds. */
const lowestPort = 12_000;
const highestPort = 32_000;
let nextPort = lowestPort + ((process.pid * 61) % (highestPort - lowestPort));

/**
 * A port of 127.0.0.1 that nobody has, for TCP and UDP, and that no other process gives out until this one has ended:
 * the mark is another port that this process keeps, which the system gives to only one.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = nextPort;
    nextPort = port + 1 < highestPort ? port + 1 : lowestPort;
    const mark = await bind(port + highestPort - lowestPort);
    if (mark === undefined) continue;
    mark.unref();
    const datagrams = await bind(port);
    await new Promise<void>((closed) => (datagrams === undefined ? closed() : datagrams.close(closed)));
    if (datagrams !== undefined && (await canListen(port))) return port;
    mark.close();
  }
}

/** Undefined when somebody has it. */
function bind(port: number): Promise<DatagramSocket | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("error", () => socket.close(() => resolve(undefined)));
    socket.bind({ port, address: "127.0.0.1", exclusive: true }, () => resolve(socket));
  });
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Our own server, as built. */
export async function startNarthex(directory: string, flags: readonly string[] = []): Promise<RunningServer> {
  const address = `127.0.0.1:${await freePort()}`;
  const args = [builtCli, "serve", "--data", directory, "--web.listen-address", address, ...flags];
  return start(process.execPath, args, `http://${address}`, "/-/ready");
}

/** A real Prometheus on a data folder. Nothing is deleted or compacted by age. */
export async function startPrometheus(
  binary: string,
  { directory, configFile, flags = [] }: { directory: string; configFile: string; flags?: readonly string[] },
): Promise<RunningServer> {
  const address = `127.0.0.1:${await freePort()}`;
  const args = [
    `--config.file=${configFile}`,
    `--storage.tsdb.path=${directory}`,
    "--storage.tsdb.retention.time=100y",
    `--web.listen-address=${address}`,
    ...flags,
  ];
  return start(binary, args, `http://${address}`, "/-/ready");
}

/** Any server that answers `readyPath` with 200 when it is ready. */
export async function start(
  binary: string,
  args: readonly string[],
  url: string,
  readyPath: string,
): Promise<RunningServer> {
  const child = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"] });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => output.length < 200 && output.push(line));
  }
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const deadline = Date.now() + 100_000;
  for (;;) {
    const isReady = await answersOk(url + readyPath);
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    // Whoever answers when it has ended is another one.
    if (isReady && !hasEnded) break;
    if (hasEnded || Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`${binary} did not become ready:\n${output.join("\n")}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url,
    process: child,
    stop(signal = "SIGKILL") {
      child.kill(signal);
      return exited;
    },
  };
}

/** `data` of a Prometheus API answer; throws with the error text when there is none. */
export async function api<T>(
  server: RunningServer,
  path: string,
  parameters: Record<string, string>,
): Promise<T> {
  const response = await fetch(`${server.url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
  const answer = (await response.json()) as { status: string; data: T; error?: string };
  if (answer.status !== "success") throw new Error(`${path}: ${answer.error}`);
  return answer.data;
}

export interface ApiSeries {
  readonly metric: Record<string, string>;
  readonly value?: [number, string];
  readonly values?: [number, string][];
}

/** The result of a query, sorted by labels. */
export async function query(
  server: RunningServer,
  path: "query" | "query_range",
  parameters: Record<string, string>,
): Promise<ApiSeries[]> {
  const { result } = await api<{ result: ApiSeries[] }>(server, path, parameters);
  if (!Array.isArray(result) || typeof result[0] === "number")
    return [{ metric: {}, value: result as never }];
  const keyOf = (series: ApiSeries) => JSON.stringify(Object.entries(series.metric).sort());
  return [...result].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

async function answersOk(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
