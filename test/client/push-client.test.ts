/**
 * The push client over real sockets: against Narthex, and against receivers that misbehave.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { PushClient, PushClientEvent, PushClientOptions } from "../../src/client/index.js";
import { ClosedError, LockedError, openPushClient } from "../../src/client/index.js";
import { FakeClock } from "../support/fake-clock.js";
import { NarthexReceiver } from "../support/narthex-receiver.js";
import { messageOf, ScriptedReceiver } from "../support/scripted-receiver.js";

const START = Date.parse("2026-06-01T00:00:00Z");
const hour = 3_600_000;

const root = mkdtempSync(join(tmpdir(), "narthex-client-"));
let directories = 0;
const toClose: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});
process.on("exit", () => rmSync(root, { recursive: true, force: true }));

function newDirectory(): string {
  return join(root, String(directories++));
}

async function open(options: PushClientOptions): Promise<PushClient> {
  const client = await openPushClient({ random: () => 0.5, ...options });
  toClose.push(() => client.close({ timeoutMs: 0 }));
  return client;
}

async function narthex(clock: FakeClock, directory = newDirectory()): Promise<NarthexReceiver> {
  const receiver = await NarthexReceiver.open(directory, clock);
  toClose.push(() => receiver.close());
  return receiver;
}

async function scripted(): Promise<ScriptedReceiver> {
  const receiver = await ScriptedReceiver.open();
  toClose.push(() => receiver.close());
  return receiver;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error("it did not come to that");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** While an address pauses after a failure, the clock is moved, if it is given. */
const isDelivered = (client: PushClient, clock?: FakeClock) => () => {
  const { addresses } = client.status();
  if (addresses.some(({ retryTime }) => retryTime !== undefined)) clock?.advance(1000);
  return addresses.every(({ waiting }) => waiting.samples === 0);
};

describe("a push client", () => {
  it("delivers what is appended, with the times of the appends", async () => {
    const clock = new FakeClock(START);
    const receiver = await narthex(clock);
    const client = await open({ url: receiver.url, clock, labels: { job: "roof", instance: "a" } });
    const celsius = client.series({ __name__: "celsius", place: "Dächer" });
    celsius.append(21.5);
    clock.advance(250);
    celsius.append(-0.25);
    client.append([
      { labels: { __name__: "rain", job: "own" }, samples: [{ value: 3 }, { time: 5, value: 1 }] },
    ]);
    expect(await client.flush()).toEqual({ isDurable: false });
    await until(isDelivered(client));
    expect(await receiver.samples("celsius")).toEqual({
      '{__name__="celsius", instance="a", job="roof", place="Dächer"}': [
        [START, 21.5],
        [START + 250, -0.25],
      ],
    });
    expect(await receiver.samples("rain")).toEqual({
      '{__name__="rain", instance="a", job="own"}': [
        [5, 1],
        [START + 250, 3],
      ],
    });
    expect(client.status().addresses).toMatchObject([{ url: receiver.url, delivered: 4 }]);
  });

  it("catches up with nine hours without a network, and has no gap", async () => {
    const clock = new FakeClock(START);
    const receiver = await narthex(clock);
    const client = await open({ url: receiver.url, clock, queue: { directory: newDirectory() } });
    const series = ["a", "b", "c"].map((room) => client.series({ __name__: "celsius", room }));
    await receiver.stop();
    for (let time = 0; time < 9 * hour; time += 60_000) {
      for (const [i, one] of series.entries()) one.append(i * 1000 + time / 60_000);
      clock.advance(60_000);
      if (time % hour === 0) await client.flush();
    }
    await client.flush();
    expect(client.status().addresses[0]).toMatchObject({
      waiting: { samples: 3 * 540, oldestQueuedAt: START + 1000 },
      // The clock may run out before the refusal comes.
      lastFailure: { reason: expect.stringMatching(/ECONNREFUSED|no answer within/) },
    });
    await receiver.restart();
    await until(isDelivered(client, clock));
    for (const [i, room] of ["a", "b", "c"].entries()) {
      const expected = Array.from({ length: 540 }, (_, k) => [START + k * 60_000, i * 1000 + k]);
      expect(await receiver.samples("celsius", { room })).toEqual({
        [`{__name__="celsius", room="${room}"}`]: expected,
      });
    }
    expect(client.status().addresses[0]!.dropped).toEqual({
      overflow: 0,
      expired: 0,
      refused: 0,
      damaged: 0,
    });
  });

  it("goes on where it was when a receiver is restarted in the middle", async () => {
    const clock = new FakeClock(START);
    const receiver = await narthex(clock);
    const queue = { directory: newDirectory() };
    const client = await open({ url: receiver.url, clock, queue, batch: { samplesMax: 10 } });
    const ticks = client.series({ __name__: "ticks_total" });
    for (let i = 0; i < 2000; i++) {
      ticks.append(i);
      clock.advance(100);
      if (i === 700) await receiver.stop();
      if (i === 1300) await receiver.restart();
      if (i % 50 === 0) await client.flush();
    }
    await client.flush();
    await until(isDelivered(client, clock));
    const expected = Array.from({ length: 2000 }, (_, i) => [START + i * 100, i]);
    expect(await receiver.samples("ticks_total")).toEqual({ '{__name__="ticks_total"}': expected });
  });

  it("sends the same to every address, whichever is away for a while", async () => {
    const clock = new FakeClock(START);
    const receivers = [await narthex(clock), await narthex(clock)] as const;
    const queue = { directory: newDirectory() };
    const client = await open({ urls: receivers.map(({ url }) => url), clock, queue });
    const celsius = client.series({ __name__: "celsius" });
    for (let i = 0; i < 100; i++) {
      celsius.append(i / 4);
      clock.advance(1500);
      if (i === 20) await receivers[1].stop();
      if (i === 60) await receivers[1].restart();
      if (i % 10 === 0) await client.flush();
    }
    await client.flush();
    await until(isDelivered(client, clock));
    const first = await receivers[0].samples("celsius");
    expect(Object.values(first)[0]).toHaveLength(100);
    expect(await receivers[1].samples("celsius")).toEqual(first);
  });

  it("is alive for a Narthex while its application has nothing to say, and misses nothing when it is done", async () => {
    const clock = new FakeClock(START);
    const receiver = await narthex(clock);
    const labels = { job: "roof", instance: "a" };
    const client = await open({ url: receiver.url, clock, labels, intervalMs: 10_000 });
    client.series({ __name__: "celsius" }).append(1);
    await client.flush();
    await until(isDelivered(client));
    const up = () => receiver.values("up", clock.now());
    for (let i = 0; i < 8; i++) {
      clock.advance(12_500);
      await until(() => client.status().addresses[0]!.lastStoredTime === clock.now());
      expect(await up()).toEqual([1]);
    }
    expect(receiver.database.sources.list()).toMatchObject([
      { job: "roof", instance: "a", interval: { intervalMs: 10_000, origin: "declared" } },
    ]);
    expect(await receiver.values("narthex_client_dropped_samples_total", clock.now())).toEqual([0]);
    await client.close({ done: true });
    clock.advance(2000);
    expect(await up()).toEqual([]);
    expect(await receiver.values("celsius", clock.now())).toEqual([]);
    expect(receiver.database.sources.list()).toEqual([]);
  });

  it("is missed when it is killed", async () => {
    const clock = new FakeClock(START);
    const receiver = await narthex(clock);
    const labels = { job: "roof", instance: "a" };
    const client = await open({ url: receiver.url, clock, labels, intervalMs: 10_000 });
    client.series({ __name__: "celsius" }).append(1);
    await client.close();
    clock.advance(25_000);
    await receiver.database.append([]);
    await until(() => receiver.database.sources.list()[0]?.state === "down");
  });

  it("ends a series with a staleness marker", async () => {
    const clock = new FakeClock(START);
    const receiver = await narthex(clock);
    const client = await open({ url: receiver.url, clock });
    const celsius = client.series({ __name__: "celsius" });
    celsius.append(20);
    celsius.end();
    await client.flush();
    await until(isDelivered(client));
    const at = (time: number) => receiver.values("celsius", time);
    expect(await at(START)).toEqual([20]);
    expect(await at(START + 1)).toEqual([]);
    clock.advance(1000);
    celsius.append(21);
    await client.flush();
    await until(isDelivered(client));
    expect(await at(START + 1000)).toEqual([21]);
  });

  it("refuses what no receiver would take", async () => {
    const receiver = await scripted();
    const client = await open({ url: receiver.url });
    expect(() => client.series({ room: "attic" })).toThrow("has no metric name");
    expect(() => client.series({ __name__: "a" }).append(1, 1.5)).toThrow("1.5 is no time");
    expect(() => client.series({ __name__: "a" }).append("1" as never)).toThrow("no value of a sample");
    await client.close();
    expect(() => client.series({ __name__: "a" }).append(1)).toThrow(ClosedError);
    const wrong: [PushClientOptions, string][] = [
      [{}, "needs a url"],
      [{ url: "ftp://a/" }, "no URL of HTTP"],
      [{ urls: ["http://a/", "http://u:p@a/"] }, "given twice"],
      [{ url: "http://a/", queue: { sizeMaxBytes: 1 } }, "queue.sizeMaxBytes must be at least 65536"],
      [{ url: "http://a/", retry: { delayMinMs: 5, delayMaxMs: 4 } }, "retry.delayMaxMs must be at least 5"],
    ];
    for (const [options, words] of wrong) await expect(openPushClient(options)).rejects.toThrow(words);
  });
});

const untilPutRight =
  "; what is sent is kept, and tried again until the token, the rights or the address are put right";

describe("what a receiver answers", () => {
  it("429 is tried again after the time that it asks for, and 503 after longer and longer", async () => {
    const clock = new FakeClock(START);
    const receiver = await scripted();
    receiver.answers.push(
      { status: 429, headers: { "retry-after": "90" } },
      { status: 503 },
      { status: 503 },
    );
    const events: PushClientEvent[] = [];
    const onEvent = (event: PushClientEvent) => events.push(event);
    const client = await open({ url: receiver.url, clock, onEvent });
    client.series({ __name__: "a" }).append(1);
    await client.flush();
    const waits = async (requests: number) => {
      await until(
        () => receiver.requests.length === requests && client.status().addresses[0]!.retryTime !== undefined,
      );
      return client.status().addresses[0]!.retryTime! - clock.now();
    };
    expect(await waits(1)).toBe(90_000);
    clock.advance(89_999);
    expect(receiver.requests).toHaveLength(1);
    clock.advance(1);
    expect(await waits(2)).toBe(1500);
    clock.advance(1500);
    expect(await waits(3)).toBe(3000);
    clock.advance(3000);
    await until(isDelivered(client));
    const bodies = receiver.requests.map(({ body }) => body.toString("hex"));
    expect(new Set(bodies).size).toBe(1);
    expect(events.map(({ message }) => message)).toEqual([
      `${receiver.url} takes nothing: HTTP 429`,
      `${receiver.url} answers again`,
    ]);
  });

  it("4xx is never tried again, counted, and told with the receiver's words", async () => {
    const receiver = await scripted();
    receiver.answers.push({ status: 400, text: "out of\n order sample" });
    const events: PushClientEvent[] = [];
    const client = await open({ url: receiver.url, onEvent: (event) => events.push(event) });
    client.append([{ labels: { __name__: "a" }, samples: [{ value: 1 }, { value: 2 }] }]);
    await client.flush();
    await until(isDelivered(client));
    client.append([{ labels: { __name__: "a" }, samples: [{ value: 3 }] }]);
    await client.close();
    expect(receiver.requests).toHaveLength(2);
    const [address] = client.status().addresses;
    expect(address).toMatchObject({ delivered: 1, dropped: { refused: 2 } });
    expect(events).toEqual([
      {
        level: "warning",
        message: `${receiver.url} refused a request of 2 samples: HTTP 400: out of order sample`,
      },
    ]);
    expect(address!.lastFailure!.reason).toBe("HTTP 400: out of order sample");
  });

  it("401, 403 and 404 lose nothing, and are told once, until somebody puts things right", async () => {
    const clock = new FakeClock(START);
    const receiver = await scripted();
    const statuses = [401, 503, 403, 404, 401];
    receiver.answers.push(...statuses.map((status) => ({ status, text: `no ${status}` })));
    const events: PushClientEvent[] = [];
    const client = await open({
      ...{ url: receiver.url, clock, queue: { directory: newDirectory() } },
      onEvent: (event) => events.push(event),
    });
    client.append([{ labels: { __name__: "a" }, samples: [{ value: 1 }, { value: 2 }] }]);
    await client.flush();
    await until(isDelivered(client, clock));
    expect(receiver.requests).toHaveLength(6);
    expect(client.status().addresses[0]).toMatchObject({
      ...{ delivered: 2, dropped: { refused: 0 } },
      isLockedOut: false,
    });
    expect(events.map(({ level, message }) => [level, message])).toEqual([
      ["warning", `${receiver.url} takes nothing: HTTP 401: no 401${untilPutRight}`],
      ["info", `${receiver.url} answers again`],
    ]);
    receiver.answers.push({ status: 503 }, { status: 403 }, { status: 403 });
    client.append([{ labels: { __name__: "a" }, samples: [{ value: 3 }] }]);
    await client.flush();
    await until(isDelivered(client, clock));
    expect(events.slice(2).map(({ message }) => message)).toEqual([
      `${receiver.url} takes nothing: HTTP 503`,
      `${receiver.url} takes nothing: HTTP 403${untilPutRight}`,
      `${receiver.url} answers again`,
    ]);
  });

  it("403 is told by the status while what is sent waits", async () => {
    const clock = new FakeClock(START);
    const receiver = await scripted();
    const isLockedOut = () => client.status().addresses[0]!.isLockedOut;
    receiver.answers.push({ status: 503 }, { status: 403 }, { status: 503 });
    const client = await open({ url: receiver.url, clock });
    client.series({ __name__: "a" }).append(1);
    await client.flush();
    const seen: boolean[] = [];
    for (let attempt = 1; attempt <= 3; attempt++) {
      await until(
        () => receiver.requests.length === attempt && client.status().addresses[0]!.retryTime !== undefined,
      );
      seen.push(isLockedOut());
      clock.advance(10_000);
    }
    expect(seen).toEqual([false, true, true]);
    await until(isDelivered(client));
    expect(isLockedOut()).toBe(false);
  });

  it("413 makes requests smaller", async () => {
    const clock = new FakeClock(START);
    const receiver = await scripted();
    receiver.answers.push({ status: 503 }, { status: 413 }, { status: 413 });
    const client = await open({ url: receiver.url, clock, batch: { samplesMax: 1 } });
    const a = client.series({ __name__: "a" });
    a.append(0);
    await client.flush();
    await until(() => client.status().addresses[0]!.retryTime !== undefined);
    for (let i = 1; i < 16; i++) a.append(i);
    await client.flush();
    clock.advance(1000);
    await until(isDelivered(client));
    const messages = receiver.requests.slice(3).map(messageOf);
    expect(messages.length).toBeGreaterThanOrEqual(4);
    const whole = messageOf(receiver.requests[1]!);
    expect(Buffer.concat(messages).equals(whole)).toBe(true);
    expect(client.status().addresses[0]).toMatchObject({ delivered: 16, dropped: { refused: 0 } });
  });

  it("a page of HTML is no receiver, as in a hotel's Wi-Fi", async () => {
    const clock = new FakeClock(START);
    const receiver = await scripted();
    receiver.answers.push({ status: 200, headers: { "content-type": "text/html" }, text: "<h1>Welcome" });
    const client = await open({ url: receiver.url, clock });
    client.series({ __name__: "a" }).append(1);
    await client.flush();
    await until(() => client.status().addresses[0]!.retryTime !== undefined);
    expect(client.status().addresses[0]).toMatchObject({ delivered: 0, waiting: { samples: 1 } });
    clock.advance(1000);
    await until(isDelivered(client));
  });

  it("the same request three times changes nothing", async () => {
    const clock = new FakeClock(START);
    const receiver = await narthex(clock);
    const recorder = await scripted();
    const client = await open({ urls: [receiver.url, recorder.url], clock });
    client.append([{ labels: { __name__: "a" }, samples: [{ value: 1 }, { time: 7, value: 2 }] }]);
    await client.flush();
    await until(isDelivered(client));
    const before = await receiver.samples("a");
    const { body, headers } = recorder.requests[0]!;
    for (let i = 0; i < 3; i++) {
      const { "content-type": type, "content-encoding": encoding } = headers;
      const again = { "content-type": type!, "content-encoding": encoding! };
      expect(
        (await fetch(receiver.url, { method: "POST", body: new Uint8Array(body), headers: again })).status,
      ).toBe(204);
    }
    expect(await receiver.samples("a")).toEqual(before);
  });

  it("no answer at all ends with the timeout", async () => {
    const clock = new FakeClock(START);
    const receiver = await scripted();
    receiver.answers.push("silence");
    const client = await open({ url: receiver.url, clock });
    client.series({ __name__: "a" }).append(1);
    await client.flush();
    await until(() => receiver.requests.length === 1);
    clock.advance(30_000);
    await until(() => client.status().addresses[0]!.retryTime !== undefined);
    expect(client.status().addresses[0]!.lastFailure!.reason).toBe("no answer within 30 s");
  });

  it("sees who sends, and how often", async () => {
    const receiver = await scripted();
    const other = await scripted();
    const withUser = other.url.replace("http://", "http://u:p%40@");
    const headers = { "x-scope-orgid": "house" };
    const urls = [receiver.url, { url: withUser, headers }];
    const client = await open({ urls, token: "secret", intervalMs: 60_000 });
    client.series({ __name__: "a" }).append(1);
    await client.close();
    expect(receiver.requests[0]!.headers).toMatchObject({
      authorization: "Bearer secret",
      "content-type": "application/x-protobuf",
      "content-encoding": "snappy",
      "x-prometheus-remote-write-version": "0.1.0",
      "x-push-interval": "60s",
    });
    const basic = `Basic ${Buffer.from("u:p@").toString("base64")}`;
    expect(other.requests[0]!.headers).toMatchObject({ authorization: basic, ...headers });
    expect(client.status().addresses[1]!.url).toBe(other.url);
  });
});

describe("a receiver with rights", () => {
  const greenhouse = {
    jobName: "greenhouse",
    tokens: [
      { token: "secret", labels: { instance: "gh-01", site: "berlin" }, allow: { __name__: "gh_.*" } },
    ],
  };

  it("gives a client its labels, and hears it by empty heartbeats when no other name is allowed", async () => {
    const clock = new FakeClock(START);
    const receiver = await NarthexReceiver.open(newDirectory(), clock, [greenhouse]);
    toClose.push(() => receiver.close());
    const options = { url: receiver.url, clock, token: "secret", intervalMs: 10_000, heartbeatName: "" };
    const client = await open(options);
    client.series({ __name__: "gh_celsius" }).append(1);
    await client.flush();
    await until(isDelivered(client));
    for (let i = 0; i < 4; i++) {
      clock.advance(12_500);
      await until(() => client.status().addresses[0]!.lastStoredTime === clock.now());
    }
    const up = 'up{job="greenhouse", instance="gh-01", site="berlin"}';
    expect(await receiver.values(up, clock.now())).toEqual([1]);
    await client.close({ done: true });
    clock.advance(1000);
    expect(await receiver.values(up, clock.now())).toEqual([]);
  });

  it("says once that it does not like the series of a heartbeat", async () => {
    const clock = new FakeClock(START);
    const receiver = await NarthexReceiver.open(newDirectory(), clock, [greenhouse]);
    toClose.push(() => receiver.close());
    const events: string[] = [];
    const onEvent = ({ message }: PushClientEvent) => events.push(message);
    const client = await open({ url: receiver.url, clock, token: "secret", intervalMs: 10_000, onEvent });
    for (let i = 0; i < 3; i++) {
      clock.advance(12_500);
      await until(() => client.status().addresses[0]!.lastFailure?.time === clock.now());
    }
    expect(events).toEqual([expect.stringMatching(/refused a heartbeat: HTTP 400: .*__name__/)]);
  });
});

describe("closing", () => {
  it("waits for a receiver that says nothing no longer than it was told to", async () => {
    const clock = new FakeClock(START);
    const receiver = await scripted();
    receiver.answers.push("silence");
    const directory = newDirectory();
    const client = await open({ url: receiver.url, clock, queue: { directory } });
    client.series({ __name__: "a" }).append(1);
    const closed = client.close({ timeoutMs: 5000 });
    await until(() => receiver.requests.length === 1);
    clock.advance(5000);
    await closed;
    const next = await open({ url: receiver.url, clock, queue: { directory } });
    await until(() => next.status().addresses[0]!.delivered === 1);
  });
});

describe("a queue on disk", () => {
  it("is taken over by the next client, and by one at a time", async () => {
    const clock = new FakeClock(START);
    const receiver = await narthex(clock);
    const options = { url: receiver.url, clock, queue: { directory: newDirectory() } };
    await receiver.stop();
    const first = await open(options);
    first.series({ __name__: "a" }).append(1);
    expect(await first.flush()).toEqual({ isDurable: true });
    await expect(openPushClient(options)).rejects.toThrow(LockedError);
    await first.close();
    await receiver.restart();
    clock.advance(5000);
    const second = await open(options);
    await until(() => second.status().addresses[0]!.delivered === 1);
    expect(await receiver.samples("a")).toEqual({ '{__name__="a"}': [[START, 1]] });
    await second.close();
    const third = await open(options);
    expect(third.status()).toMatchObject({ queuedBytes: 0, addresses: [{ waiting: { samples: 0 } }] });
  });

  it("that is memory only is told to be lost", async () => {
    const receiver = await scripted();
    await receiver.close();
    const events: PushClientEvent[] = [];
    const client = await open({ url: receiver.url, onEvent: (event) => events.push(event) });
    client.series({ __name__: "a" }).append(1);
    await client.close();
    expect(events.at(-1)!.message).toBe(`1 samples for ${receiver.url} are lost with the memory`);
  });
});
