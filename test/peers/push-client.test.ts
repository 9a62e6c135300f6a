/**
 * The push client against the receivers of others: a real Prometheus and a real VictoriaMetrics, both at once.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPushClient, type PushClient } from "../../src/client/index.js";
import { FakeClock } from "../support/fake-clock.js";
import { findPeer, isPeerMissing } from "../support/peers.js";
import { freePort, query, type RunningServer, start, startPrometheus } from "../support/processes.js";
import { seededRandom } from "../support/seeded-random.js";

const isMissing = ["prometheus", "victoria-metrics"].map(isPeerMissing).includes(true);
const minute = 60_000;
const hour = 60 * minute;

describe.skipIf(isMissing)("a push client and the receivers of others", () => {
  const directory = mkdtempSync(join(tmpdir(), "narthex-client-peers-"));
  let prometheus: RunningServer;
  let victoria: RunningServer;

  beforeAll(async () => {
    const configFile = join(directory, "prometheus.yml");
    writeFileSync(configFile, "storage: { tsdb: { out_of_order_time_window: 10h } }\n");
    mkdirSync(join(directory, "prometheus"));
    const flags = ["--web.enable-remote-write-receiver"];
    const address = `127.0.0.1:${await freePort()}`;
    [prometheus, victoria] = await Promise.all([
      startPrometheus(findPeer("prometheus")!, {
        directory: join(directory, "prometheus"),
        configFile,
        flags,
      }),
      start(
        findPeer("victoria-metrics")!,
        [`-storageDataPath=${join(directory, "vm")}`, `-httpListenAddr=${address}`, "-retentionPeriod=100y"],
        `http://${address}`,
        "/health",
      ),
    ]);
  });

  afterAll(async () => {
    await Promise.all([prometheus?.stop(), victoria?.stop()]);
    rmSync(directory, { recursive: true, force: true });
  });

  const urlsOf = (servers: readonly RunningServer[]) => servers.map(({ url }) => `${url}/api/v1/write`);

  async function delivered(client: PushClient): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (client.status().addresses.some(({ waiting }) => waiting.samples > 0)) {
      if (Date.now() > deadline) throw new Error(JSON.stringify(client.status()));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  it("gives both nine hours of what could not be sent, with the same times", async () => {
    const end = Math.floor(Date.now() / minute) * minute;
    const clock = new FakeClock(end - 9 * hour);
    const queue = { directory: join(directory, "queue") };
    const away = await openPushClient({ urls: ["http://127.0.0.1:1/api/v1/write"], clock, queue });
    const random = seededRandom(9);
    const series = Array.from({ length: 20 }, (_, i) =>
      away.series({ __name__: "nine_hours", room: `größe ${i}`, site: "berlin" }),
    );
    const expected = series.map((): [number, string][] => []);
    for (; clock.now() < end; clock.advance(minute)) {
      for (const [i, one] of series.entries()) {
        const value = Math.round(random() * 1e6) / 64;
        one.append(value);
        expected[i]!.push([clock.now() / 1000, String(value)]);
      }
      await away.flush();
    }
    await away.close();
    const client = await openPushClient({ urls: urlsOf([prometheus, victoria]), clock, queue });
    await delivered(client);
    expect(client.status().addresses).toMatchObject([
      { delivered: 10_800, dropped: { refused: 0 } },
      { delivered: 10_800, dropped: { refused: 0 } },
    ]);
    await client.close();
    await fetch(`${victoria.url}/internal/force_flush`);
    for (const server of [prometheus, victoria]) {
      const found = await query(server, "query", { query: "nine_hours[10h]", time: String(end / 1000) });
      expect(found.map(({ metric }) => metric.room)).toEqual(
        series.map(({ labels }) => labels.get("room")).sort(),
      );
      for (const { metric, values } of found)
        expect(values).toEqual(expected[Number(metric.room!.split(" ")[1])]);
    }
  });

  it("ends series, and beats, without a word of complaint", async () => {
    const clock = new FakeClock(Date.now());
    const events: string[] = [];
    const client = await openPushClient({
      urls: urlsOf([prometheus, victoria]),
      clock,
      intervalMs: 10_000,
      labels: { job: "roof", instance: "a" },
      onEvent: ({ message }) => events.push(message),
    });
    const celsius = client.series({ __name__: "celsius" });
    celsius.append(20);
    await client.flush();
    await delivered(client);
    clock.advance(12_500);
    const deadline = Date.now() + 60_000;
    while (client.status().addresses.some(({ lastStoredTime }) => lastStoredTime !== clock.now())) {
      if (Date.now() > deadline) throw new Error("no heartbeat");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const at = (time: number) => ({ query: '{job="roof"}', time: String(time / 1000) });
    expect((await query(prometheus, "query", at(clock.now()))).map(({ metric }) => metric.__name__)).toEqual([
      "celsius",
      "narthex_client_dropped_samples_total",
    ]);
    celsius.end();
    await client.close();
    expect((await query(prometheus, "query", at(clock.now()))).map(({ metric }) => metric.__name__)).toEqual([
      "narthex_client_dropped_samples_total",
    ]);
    expect(events).toEqual([]);
  });
});
