/**
 * Servers that scrape: our own, from the sources that the benchmark was compiled with, Prometheus and VictoriaMetrics,
 * all with one configuration in Prometheus' words.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { freePort, type RunningServer, start, startPrometheus } from "../../test/support/processes.js";

export interface Scraper {
  readonly name: string;
  readonly start: (directory: string) => Promise<RunningServer>;
}

export interface TargetPlan {
  readonly targets: number;
  readonly intervalSeconds: number;
  readonly port: number;
}

const narthexEntry = fileURLToPath(new URL("./narthex-process.js", import.meta.url));

/** NODE_FLAGS go to our server's node, as `NODE_FLAGS=--cpu-prof`. */
export function narthexScraper(plan: TargetPlan): Scraper {
  const nodeFlags = (process.env.NODE_FLAGS ?? "").split(" ").filter((flag) => flag !== "");
  return {
    name: "Narthex",
    async start(directory) {
      const args = [join(directory, "data"), "adaptive", writeConfig(directory, plan)];
      const child = spawn(process.execPath, [...nodeFlags, narthexEntry, ...args], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const url = await new Promise<string>((resolve, reject) => {
        createInterface({ input: child.stdout }).once("line", resolve);
        child.once("exit", (code) => reject(new Error(`our server ended with ${code}`)));
      });
      return {
        url,
        process: child,
        async stop(signal) {
          child.kill(signal);
          await once(child, "exit");
        },
      };
    },
  };
}

export function prometheusScraper(binary: string, plan: TargetPlan): Scraper {
  return {
    name: "Prometheus",
    start: (directory) =>
      startPrometheus(binary, {
        directory: join(directory, "data"),
        configFile: writeConfig(directory, plan),
        flags: ["--log.level=warn"],
      }),
  };
}

export function victoriaMetricsScraper(binary: string, plan: TargetPlan): Scraper {
  return {
    name: "VictoriaMetrics",
    async start(directory) {
      const address = `127.0.0.1:${await freePort()}`;
      const flags = [
        `-storageDataPath=${join(directory, "data")}`,
        `-promscrape.config=${writeConfig(directory, plan)}`,
        `-httpListenAddr=${address}`,
      ];
      return start(binary, flags, `http://${address}`, "/health");
    },
  };
}

function writeConfig(directory: string, { targets, intervalSeconds, port }: TargetPlan): string {
  const addresses = Array.from(
    { length: targets },
    (_, i) => `"127.1.${Math.floor(i / 250)}.${(i % 250) + 1}:${port}"`,
  );
  const file = join(directory, "prometheus.yml");
  writeFileSync(
    file,
    `global:
  scrape_interval: ${intervalSeconds}s
  scrape_timeout: ${intervalSeconds}s
scrape_configs:
  - job_name: node
    static_configs:
      - targets: [${addresses.join(", ")}]
`,
  );
  return file;
}
