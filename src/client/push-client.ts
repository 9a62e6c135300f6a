/**
 * openPushClient: pushes samples by remote write 1.0 to one or several receivers, from a queue that outlives hours
 * without a network.
 *
 *   append ─► batch ─► queue ─┬─► sender ─► address
 *            (memory)  (disk) └─► sender ─► address
 *
 * Invariants
 *  1. A sample has its time when it is appended, so that every address and every attempt gets the same.
 *  2. What `flush` has confirmed is in the queue; from a queue on disk it is delivered by this process or a later one,
 *     at least once, unless a limit of the queue has dropped it, which is counted.
 */

import { randomInt } from "node:crypto";
import type { LabelsLike, Row } from "../api.js";
import { type Clock, systemClock } from "../model/clock.js";
import { ClosedError, InvalidArgumentError } from "../model/errors.js";
import { Labels, METRIC_NAME } from "../model/labels.js";
import type { TimestampMs } from "../model/sample.js";
import { nodeFileSystem } from "../storage/fs/node-file-system.js";
import { ClientSeries, toTime, withDefaults } from "./client-series.js";
import { HttpReceiver } from "./http-receiver.js";
import type {
  CloseOptions,
  FlushResult,
  PushClient,
  PushClientEvent,
  PushClientOptions,
  PushClientStatus,
  PushSeries,
} from "./push-client-options.js";
import { type PushClientSettings, settingsOf } from "./push-client-settings.js";
import { PushQueue } from "./queue/push-queue.js";
import type { QueueCursor } from "./queue/queue-cursor.js";
import { QueueDirectory } from "./queue/queue-directory.js";
import { SampleBatch, type SampleValue } from "./sample-batch.js";
import { Sender } from "./sender.js";
import { encodeLabels } from "./write-request.js";

/**
 * Opens a client, and with it its queue: what an earlier process left there is sent first. Rejects with
 * InvalidArgumentError, LockedError when another process has the directory, StorageError.
 */
export async function openPushClient(options: PushClientOptions): Promise<PushClient> {
  const settings = settingsOf(options);
  const clock = options.clock ?? systemClock;
  const tell = (level: PushClientEvent["level"], message: string) => options.onEvent?.({ level, message });
  const onTrouble = (message: string) => tell("warning", message);
  const receivers = await Promise.all(
    settings.addresses.map(({ url, headers, tls }) =>
      HttpReceiver.open({ url, headers, tls, timeoutMs: settings.requestTimeoutMs, clock }),
    ),
  );
  const path = options.queue?.directory;
  const fileSystem = options.fileSystem ?? nodeFileSystem;
  const directory = path === undefined ? undefined : await QueueDirectory.open(fileSystem, path, onTrouble);
  const onRecord = () => {
    for (const sender of client.senders) sender.wake();
  };
  const names = settings.addresses.map(({ name }) => name);
  const queue = new PushQueue(names, { limits: settings.limits, clock, directory, onTrouble, onRecord });
  const senderOf = (cursor: QueueCursor, i: number) =>
    new Sender({
      cursor,
      receiver: receivers[i]!,
      clock,
      random: options.random ?? (() => randomInt(2 ** 32) / 2 ** 32),
      retry: settings.retry,
      requestSizeMaxBytes: settings.requestSizeMaxBytes,
      heartbeatMs: options.intervalMs === undefined ? undefined : options.intervalMs * heartbeatIntervals,
      heartbeatBody: () => client.heartbeatBody(cursor),
      onEvent: tell,
    });
  const labels = Labels.from(options.labels ?? {});
  const client = new OpenPushClient({ labels, settings, clock, queue, receivers, tell, senderOf });
  return client;
}

/** After so many intervals without a push; a Narthex misses a client after a little more than two. */
const heartbeatIntervals = 1.25;
/** Series of rows are remembered from batch to batch, up to so many. */
const rowSeriesMax = 100_000;
const closeTimeoutMs = 10_000;

interface ClientParts {
  /** Of every series that does not have them. */
  readonly labels: Labels;
  readonly settings: PushClientSettings;
  readonly clock: Clock;
  readonly queue: PushQueue;
  /** In the order of the queue's cursors. */
  readonly receivers: readonly HttpReceiver[];
  readonly senderOf: (cursor: QueueCursor, index: number) => Sender;
  readonly tell: (level: PushClientEvent["level"], message: string) => void;
}

class OpenPushClient implements PushClient {
  /** In the order of the queue's cursors. */
  readonly senders: readonly Sender[];
  readonly #parts: ClientParts;
  /** By their key. */
  readonly #series = new Map<string, ClientSeries>();
  #batch = new SampleBatch();
  #cancelSeal: (() => void) | undefined;
  /** Of batches on their way to the queue. */
  #arrivingBytes = 0;
  #droppedBeforeQueue = 0;
  #closing: Promise<void> | undefined;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.senders = parts.queue.cursors.map(parts.senderOf);
  }

  series(labels: LabelsLike): PushSeries {
    const series = this.#seriesOf(labels);
    series.isHeld = true;
    return series;
  }

  append(rows: Iterable<Row>): void {
    for (const { labels, samples } of rows) {
      const series = this.#seriesOf(labels);
      for (const { time, value } of samples)
        this.#add(series, value, time === undefined ? undefined : toTime(time));
    }
  }

  async flush(): Promise<FlushResult> {
    this.#seal();
    return { isDurable: await this.#parts.queue.flush() };
  }

  status(): PushClientStatus {
    const { queue } = this.#parts;
    return {
      queuedBytes: queue.sizeBytes,
      isOnDisk: queue.isOnDisk,
      droppedBeforeQueue: this.#droppedBeforeQueue,
      addresses: queue.cursors.map((cursor, i) => {
        const { lastStoredTime, lastFailure, retryTime, isLockedOut } = this.senders[i]!;
        const { address: url, delivered, dropped, waiting } = cursor;
        const state = { lastStoredTime, lastFailure, retryTime, isLockedOut };
        return { url, delivered, dropped: { ...dropped }, waiting, ...state };
      }),
    };
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A request's body that says that the client lives, and how much it has lost. */
  heartbeatBody({ dropped }: QueueCursor): Uint8Array {
    const { labels, settings, clock } = this.#parts;
    const batch = new SampleBatch();
    if (settings.heartbeatName !== "") {
      const lost = Object.values(dropped).reduce((sum, count) => sum + count, this.#droppedBeforeQueue);
      const encodedLabels = encodeLabels(labels.with({ [METRIC_NAME]: settings.heartbeatName }));
      batch.add({ encodedLabels }, clock.now(), lost);
    }
    return batch.encode();
  }

  #seriesOf(given: LabelsLike): ClientSeries {
    const labels = withDefaults(given, this.#parts.labels);
    const key = labels.key();
    let series = this.#series.get(key);
    if (series === undefined) {
      series = new ClientSeries(labels, (one, value, time) => this.#add(one, value, time));
      this.#series.set(key, series);
    }
    return series;
  }

  #add(series: ClientSeries, value: SampleValue, time: TimestampMs | undefined): void {
    const { settings, clock, tell } = this.#parts;
    if (this.#closing !== undefined) throw new ClosedError("the push client is closed");
    if (typeof value !== "number" && value !== "stale")
      throw new InvalidArgumentError(`${String(value)} is no value of a sample: give a number`);
    if (this.#batch.sizeBytes + this.#arrivingBytes > settings.limits.memoryMaxBytes) {
      if (this.#droppedBeforeQueue++ === 0)
        tell("warning", "samples come faster than the queue takes them, and are dropped");
      return;
    }
    const at = time ?? timeOf(series, value, clock.now());
    this.#batch.add(series, at, value);
    series.newestTime = value === "stale" ? Number.NEGATIVE_INFINITY : Math.max(series.newestTime, at);
    if (this.#batch.samples >= settings.batchSamplesMax) this.#seal();
    else this.#cancelSeal ??= clock.schedule(settings.batchAgeMaxMs, () => this.#seal());
  }

  /** What was appended goes to the queue, as one record. */
  #seal(): void {
    this.#cancelSeal?.();
    this.#cancelSeal = undefined;
    const { samples } = this.#batch;
    if (samples === 0) return;
    const payload = this.#batch.encode();
    this.#batch = new SampleBatch();
    this.#arrivingBytes += payload.length;
    const { queue, clock } = this.#parts;
    void queue.push({ payload, samples, queuedAt: clock.now() }).finally(() => {
      this.#arrivingBytes -= payload.length;
    });
    // Only between batches: in one, two objects of the same series would change the order of its samples.
    if (this.#series.size > rowSeriesMax) {
      for (const [key, { isHeld }] of this.#series) if (!isHeld) this.#series.delete(key);
    }
  }

  async #close({ done = false, timeoutMs = closeTimeoutMs }: CloseOptions): Promise<void> {
    let cancel = () => {};
    const deadline = new Promise<void>((resolve) => {
      cancel = this.#parts.clock.schedule(timeoutMs, resolve);
    });
    if (done) this.#endAllSeries();
    await this.flush();
    const isDrained = await this.#drain(deadline);
    if (done) await Promise.race([this.#sayDone(isDrained), deadline]);
    cancel();
    await Promise.all(this.senders.map((sender) => sender.stop()));
    await this.#parts.queue.close();
    this.#tellLosses();
  }

  #endAllSeries(): void {
    const now = this.#parts.clock.now();
    for (const series of this.#series.values()) {
      if (series.newestTime > Number.NEGATIVE_INFINITY)
        this.#batch.add(series, timeOf(series, "stale", now), "stale");
    }
  }

  /** By address, whether nothing is waiting any more. */
  async #drain(deadline: Promise<void>): Promise<readonly boolean[]> {
    const isDrained = this.senders.map(() => false);
    const draining = this.senders.map(async (sender, i) => {
      isDrained[i] = await sender.drain();
    });
    await Promise.race([Promise.all(draining), deadline]);
    return isDrained;
  }

  /** Most receivers that are no Narthex do not know the route, which is no trouble. */
  async #sayDone(isDrained: readonly boolean[]): Promise<void> {
    const { receivers, settings, labels, tell } = this.#parts;
    const end = async (receiver: HttpReceiver, i: number) => {
      const { url, name } = settings.addresses[i]!;
      const endUrl = endUrlOf(url, labels);
      if (endUrl === undefined) return;
      const reason = isDrained[i]
        ? await receiver.delete(endUrl).then(
            ({ status, text }) => (status < 300 || status === 404 ? undefined : `HTTP ${status}: ${text}`),
            (error: Error) => error.message,
          )
        : "samples are still waiting";
      if (reason !== undefined) tell("warning", `${name} was not told that the source is done: ${reason}`);
    };
    await Promise.all(receivers.map(end));
  }

  #tellLosses(): void {
    const { queue, settings, tell } = this.#parts;
    if (queue.isOnDisk) return;
    for (const [i, { waiting }] of queue.cursors.entries()) {
      if (waiting.samples > 0)
        tell(
          "warning",
          `${waiting.samples} samples for ${settings.addresses[i]!.name} are lost with the memory`,
        );
    }
  }
}

/** Of now; the end of a series never has the time of a sample. */
function timeOf(series: ClientSeries, value: SampleValue, now: TimestampMs): TimestampMs {
  return value === "stale" ? Math.max(now, series.newestTime + 1) : now;
}

/** Where a Narthex that takes remote write at `url` is told that a source is done; undefined for other paths. */
function endUrlOf(url: URL, labels: Labels): URL | undefined {
  if (!url.pathname.endsWith("/api/v1/write")) return undefined;
  const end = new URL(url);
  end.pathname = url.pathname.replace(/write$/, "push");
  for (const name of ["job", "instance"]) {
    if (labels.has(name)) end.searchParams.set(name, labels.get(name));
  }
  return end;
}
