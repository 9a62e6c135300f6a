/**
 * Servers under pushes that another process sends: see remote-write-driver.ts.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { freePort, type RunningServer, start } from "../../test/support/processes.js";
import { cpuSecondsOf } from "./process-meters.js";
import type { PushProtocolName } from "./push-requests.js";

export interface DrivenServer {
  readonly url: string;
  cpuSeconds(): number;
  stop(): Promise<unknown>;
}

export interface Amount {
  readonly series: number;
  readonly rounds: number;
  /** Of these, sent before anything is measured. */
  readonly warmUpRounds: number;
}

export interface Driven {
  readonly samples: number;
  readonly seconds: number;
  /** Of the server. */
  readonly cpuSeconds: number;
}

export async function drivePushes(
  server: DrivenServer,
  path: string,
  protocol: PushProtocolName,
  { series, rounds, warmUpRounds }: Amount,
): Promise<Driven> {
  const driver = fileURLToPath(new URL("./remote-write-driver.js", import.meta.url));
  const args = [driver, server.url + path, protocol, ...[series, rounds, 4, warmUpRounds].map(String)];
  const child = spawn(process.execPath, ["--max-old-space-size=8192", ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout });
  await once(lines, "line");
  const before = server.cpuSeconds();
  child.stdin.write("go\n");
  const [line] = (await once(lines, "line")) as [string];
  // What is left to do in the background counts, too.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  return { ...JSON.parse(line), cpuSeconds: server.cpuSeconds() - before };
}

export async function startVictoria(binary: string, directory: string): Promise<DrivenServer> {
  const address = `127.0.0.1:${await freePort()}`;
  const args = [`-storageDataPath=${directory}`, `-httpListenAddr=${address}`, "-retentionPeriod=100y"];
  return metered(await start(binary, [...args, "-loggerLevel=ERROR"], `http://${address}`, "/health"));
}

export function metered(server: RunningServer): DrivenServer {
  return {
    url: server.url,
    cpuSeconds: () => cpuSecondsOf(server.process.pid!),
    stop: () => server.stop(),
  };
}
