/**
 * Servers to be measured: started on a folder, asked over one kept connection, with the CPU time of the process.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { Agent, get } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { startPrometheus } from "../../test/support/processes.js";
import { cpuSecondsOf } from "./process-meters.js";

export interface QueryServer {
  readonly name: string;
  readonly url: string;
  /** The body of the answer to `GET path`; rejects when its status is not 200. */
  get(path: string): Promise<Buffer>;
  /** User and system time of the process so far. */
  cpuSeconds(): number;
  stop(): Promise<void>;
}

const narthexEntry = fileURLToPath(new URL("./narthex-process.js", import.meta.url));

/** NODE_FLAGS go to our server's node, as `NODE_FLAGS=--cpu-prof`. */
export async function startNarthexProcess(directory: string): Promise<QueryServer> {
  const flags = (process.env.NODE_FLAGS ?? "").split(" ").filter((flag) => flag !== "");
  const child = spawn(process.execPath, [...flags, narthexEntry, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout });
  const url = await new Promise<string>((resolve, reject) => {
    lines.once("line", resolve);
    child.once("exit", (code) => reject(new Error(`our server ended with ${code}`)));
  });
  return queryServer("Narthex", url, child);
}

/** Prometheus as it comes, but for the merging of blocks, which would run while we measure. */
export async function startPrometheusProcess(
  binary: string,
  directory: string,
  configFile: string,
): Promise<QueryServer> {
  const flags = [
    "--storage.tsdb.min-block-duration=2h",
    "--storage.tsdb.max-block-duration=2h",
    "--enable-feature=promql-experimental-functions",
    "--log.level=warn",
  ];
  const server = await startPrometheus(binary, { directory, configFile, flags });
  return queryServer("Prometheus", server.url, server.process);
}

function queryServer(name: string, url: string, child: ChildProcess): QueryServer {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    name,
    url,
    get: (path) => fetchBody(`${url}${path}`, agent),
    cpuSeconds: () => cpuSecondsOf(child.pid!),
    async stop() {
      agent.destroy();
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await exited;
    },
  };
}

function fetchBody(url: string, agent: Agent): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => {
        const body = Buffer.concat(parts);
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`${url} answered ${response.statusCode}: ${body.toString().slice(0, 300)}`));
      });
    });
    request.on("error", reject);
  });
}
