/**
 * Servers that take remote write, on folders of their own: started, written to, and told to bring what they hold into
 * the form in which it stays.
 */

import { type ChildProcess, fork } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BlockEncoding } from "../../src/model/series.js";
import { freePort, start, startPrometheus } from "../../test/support/processes.js";
import { cpuSecondsOf } from "./process-meters.js";

export interface WriteServer {
  readonly name: string;
  /** Where all its data are. */
  readonly directory: string;
  readonly url: string;
  /** Of remote write 1.0, compressed. Rejects when it is not taken. */
  write(body: Uint8Array): Promise<void>;
  /** What the server does by itself once a minute, and can do no less often when hours are written in seconds. */
  maintain(): Promise<void>;
  /** Resolves when all that is older than `time` lies in finished blocks, and nothing is left to be merged. */
  settle(time: number): Promise<void>;
  cpuSeconds(): number;
  stop(): Promise<void>;
}

const narthexEntry = fileURLToPath(new URL("./narthex-process.js", import.meta.url));
const writeHeaders = {
  "content-type": "application/x-protobuf",
  "content-encoding": "snappy",
  "x-prometheus-remote-write-version": "0.1.0",
};

export async function startNarthex(directory: string, encoding: BlockEncoding): Promise<WriteServer> {
  const child = fork(narthexEntry, [directory, encoding], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const url = await nextMessage(child);
  const maintain = async () => {
    child.send("maintain");
    await nextMessage(child);
  };
  return { ...writeServer(`Narthex, ${encoding}`, { directory, url, child }), maintain, settle: maintain };
}

export async function startPrometheusReceiver(binary: string, directory: string): Promise<WriteServer> {
  mkdirSync(directory, { recursive: true });
  const configFile = join(directory, "prometheus.yml");
  writeFileSync(configFile, "global: { scrape_interval: 1h }\n");
  const data = join(directory, "data");
  const flags = ["--web.enable-remote-write-receiver", "--log.level=warn"];
  const { url, process: child } = await startPrometheus(binary, { directory: data, configFile, flags });
  return {
    ...writeServer("Prometheus", { directory: data, url, child }),
    async settle(time) {
      await until(async () => (await metricOf(url, "prometheus_tsdb_head_min_time")) >= time);
      // The pass that cut the head merges blocks next.
      let finished = -1;
      await until(async () => {
        const before = finished;
        finished = await metricOf(url, "prometheus_tsdb_compactions_total");
        return finished === before;
      }, 3000);
    },
  };
}

export async function startVictoriaMetrics(binary: string, directory: string): Promise<WriteServer> {
  const address = `127.0.0.1:${await freePort()}`;
  const flags = [`-storageDataPath=${directory}`, `-httpListenAddr=${address}`, "-retentionPeriod=100y"];
  const { url, process: child } = await start(binary, flags, `http://${address}`, "/health");
  return {
    ...writeServer("VictoriaMetrics", { directory, url, child }),
    async settle() {
      await (await fetch(`${url}/internal/force_flush`)).text();
      await (await fetch(`${url}/internal/force_merge`)).text();
      await until(async () => (await metricOf(url, "vm_active_force_merges")) === 0);
      await (await fetch(`${url}/internal/force_flush`)).text();
    },
  };
}

function writeServer(
  name: string,
  { directory, url, child }: { directory: string; url: string; child: ChildProcess },
): Omit<WriteServer, "settle"> {
  const agent = new Agent({ keepAlive: true });
  return {
    name,
    directory,
    url,
    maintain: () => Promise.resolve(),
    write: (body) => post(`${url}/api/v1/write`, body, agent),
    cpuSeconds: () => cpuSecondsOf(child.pid!),
    async stop() {
      agent.destroy();
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await exited;
    },
  };
}

function post(url: string, body: Uint8Array, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { ...writeHeaders, "content-length": body.length };
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => {
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 300) resolve();
        else reject(new Error(`${url} answered ${status}: ${Buffer.concat(parts).toString().slice(0, 300)}`));
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** The sum over all series of a metric that the server exposes of itself. */
async function metricOf(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line.startsWith(name) && /[ {]/.test(line[name.length]!));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

async function until(isDone: () => Promise<boolean>, everyMs = 200): Promise<void> {
  const deadline = performance.now() + 300_000;
  while (!(await isDone())) {
    if (performance.now() > deadline) throw new Error("a server did not come to rest in five minutes");
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

function nextMessage(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`our server ended with ${code}`));
    child.once("exit", onExit);
    child.once("message", (message) => {
      child.off("exit", onExit);
      resolve(String(message));
    });
  });
}
