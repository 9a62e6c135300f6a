/**
 * Exporters to be scraped: node_exporter, a Pushgateway that is pushed to, an application with prom-client.
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { findPeer } from "../support/peers.js";
import { freePort, type RunningServer, start } from "../support/processes.js";

export interface RealExporters {
  readonly urls: Readonly<Record<string, string>>;
  /** Something happens at all of them. */
  work(): Promise<void>;
  /** The node_exporter dies. */
  kill(): Promise<void>;
  /** It returns, at the same address. */
  revive(): Promise<void>;
  stop(): Promise<void>;
}

export const noExporters: RealExporters = {
  urls: {},
  work: async () => {},
  kill: async () => {},
  revive: async () => {},
  stop: async () => {},
};

export async function startExporters(): Promise<RealExporters> {
  const application = await startApplication();
  const [nodeAddress, gatewayAddress] = [await freeAddress(), await freeAddress()];
  const startNode = () => startPeer("prometheus-node-exporter", nodeAddress);
  let node: RunningServer | undefined = await startNode();
  const gateway = await startPeer("prometheus-pushgateway", gatewayAddress);
  let work = 0;
  return {
    urls: {
      node: `http://${nodeAddress}/metrics`,
      pushgateway: `http://${gatewayAddress}/metrics`,
      application: `${application.url}/metrics`,
    },
    async work() {
      work++;
      application.work(work);
      const url = `http://${gatewayAddress}/metrics/job/batch/shard/${work % 4}`;
      const body = `# TYPE batch_rows gauge\nbatch_rows ${work}\nbatch_part{n="${work % 3}"} 1\n`;
      await fetch(url, work % 5 === 0 ? { method: "DELETE" } : { method: "PUT", body });
    },
    async kill() {
      await node?.stop();
      node = undefined;
    },
    async revive() {
      node = await startNode();
    },
    async stop() {
      await Promise.all([node?.stop(), gateway.stop()]);
      application.stop();
    },
  };
}

async function freeAddress(): Promise<string> {
  return `127.0.0.1:${await freePort()}`;
}

function startPeer(name: string, address: string): Promise<RunningServer> {
  return start(findPeer(name)!, [`--web.listen-address=${address}`], `http://${address}`, "/metrics");
}

interface Application {
  readonly url: string;
  work(turn: number): void;
  stop(): void;
}

/** Its metrics come, go and change labels. */
async function startApplication(): Promise<Application> {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const registers = [register];
  const requests = new Counter({
    name: "requests_total",
    help: "Requests.",
    labelNames: ["code"],
    registers,
  });
  const users = new Gauge({ name: "users", help: "Users.", labelNames: ["room"], registers });
  const seconds = new Histogram({ name: "seconds", help: "Time.", buckets: [0.1, 1, 10], registers });
  const server = createServer(async (_, response) => {
    const page = await register.metrics();
    response.setHeader("content-type", register.contentType).end(page);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    work(turn) {
      requests.inc({ code: turn % 3 === 0 ? "500" : "200" });
      users.reset();
      users.set({ room: `room ${turn % 4}` }, turn);
      seconds.observe(turn % 12);
    },
    stop: () => server.close(),
  };
}
