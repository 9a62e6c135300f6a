import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { PushGate, PushRequest } from "../../src/ingest/push/push.js";
import { GraphiteListener, type GraphiteListenerOptions } from "../../src/listen/graphite-listener.js";
import { systemClock } from "../../src/model/clock.js";
import { ForbiddenError, TooManyRequestsError } from "../../src/model/errors.js";
import { eventually } from "../support/eventually.js";
import { freePort } from "../support/processes.js";
import { RecordingPush } from "../support/recording-push.js";

class RecordingGate implements PushGate {
  readonly pushes: RecordingPush[] = [];
  readonly requests: PushRequest[] = [];
  refuse: () => Error | undefined = () => undefined;

  admit(request: PushRequest): RecordingPush {
    const refusal = this.refuse();
    if (refusal !== undefined) throw refusal;
    const push = new RecordingPush();
    this.requests.push(request);
    this.pushes.push(push);
    return push;
  }

  async end(): Promise<void> {}

  get lines(): readonly string[] {
    return this.pushes.flatMap(({ lines }) => lines);
  }
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(options: Partial<GraphiteListenerOptions> = {}) {
  const gate = new RecordingGate();
  const failures: unknown[] = [];
  const listener = await GraphiteListener.start({
    host: "127.0.0.1",
    port: await freePort(),
    gate,
    clock: systemClock,
    onFailure: (error) => failures.push(error),
    ...options,
  });
  closers.push(() => listener.close());
  return { gate, listener, failures };
}

async function sendDatagrams(port: number, texts: readonly string[]): Promise<void> {
  const socket = createSocket("udp4");
  for (const text of texts)
    await new Promise<void>((resolve) => socket.send(text, port, "127.0.0.1", () => resolve()));
  socket.close();
}

describe("the Graphite listener", () => {
  it("takes lines over TCP, the last one without an end, too", async () => {
    const { gate, listener } = await start();
    const socket = connect(listener.port, "127.0.0.1");
    socket.write("a 1 5\nb 2");
    socket.write(" 6\nc 3 7");
    socket.end();
    await once(socket, "close");
    await eventually(() => expect(gate.lines).toEqual(["a 1 @5000", "b 2 @6000", "c 3 @7000"]));
    expect(gate.requests[0]).toEqual({ protocol: "graphite", sender: { address: "127.0.0.1" } });
    await eventually(() => expect(listener.counts()).toMatchObject({ connections: 0, samples: 3 }));
  });

  it("takes datagrams, many in one transaction", async () => {
    const { gate, listener } = await start();
    await sendDatagrams(listener.port, ["a 1 5", "b 2 6\nc 3 7\n", "what?\n"]);
    await eventually(() => expect(gate.lines).toEqual(["a 1 @5000", "b 2 @6000", "c 3 @7000"]));
    await eventually(() =>
      expect(listener.counts()).toMatchObject({ datagrams: 3, datagramsDropped: 0, samples: 3, refused: 1 }),
    );
  });

  it("drops and counts datagrams that find the queue full", async () => {
    const { gate, listener } = await start({ queuedSizeMaxBytes: 10 });
    await sendDatagrams(listener.port, ["a 1 5\n", "b 2 6\n", "c 3\n"]);
    await eventually(() => expect(listener.counts()).toMatchObject({ datagrams: 3, datagramsDropped: 1 }));
    await eventually(() => expect(gate.lines).toEqual(["a 1 @5000", "c 3"]));
  });

  it("stores what has arrived when it is closed", async () => {
    const { gate, listener } = await start();
    await sendDatagrams(listener.port, ["a 1 5"]);
    await eventually(() => expect(listener.counts().datagrams).toBe(1));
    await listener.close();
    closers.length = 0;
    expect(gate.lines).toEqual(["a 1 @5000"]);
  });

  it("lets a sender wait that is over its rate", async () => {
    const { gate, listener } = await start();
    let refusals = 0;
    gate.refuse = () => (refusals++ < 2 ? new TooManyRequestsError("slower", 5) : undefined);
    const socket = connect(listener.port, "127.0.0.1");
    socket.end("a 1 5\n");
    await eventually(() => expect(gate.lines).toEqual(["a 1 @5000"]));
    expect(refusals).toBeGreaterThan(2);
  });

  it("ends the connection of a sender that may not push, and counts", async () => {
    const { gate, listener, failures } = await start();
    gate.refuse = () => new ForbiddenError("not from there");
    const socket = connect(listener.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write("a 1 5\n");
    await once(socket, "close");
    await sendDatagrams(listener.port, ["a 1 5"]);
    await eventually(() => expect(listener.counts().refused).toBe(2));
    expect(failures).toEqual([]);
  });

  it("says when it cannot have its port", async () => {
    const { listener, gate } = await start();
    const again = GraphiteListener.start({
      ...{ host: "127.0.0.1", port: listener.port, gate, clock: systemClock, onFailure: () => {} },
    });
    await expect(again).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});
