/**
 * The protocols that are fuzzed: how a body of each is read, what may be demanded of its parts, and bodies to begin
 * with.
 */

import { pushDeviceBody } from "../../src/ingest/device/push-device-body.js";
import { GraphiteReader } from "../../src/ingest/graphite/graphite-reader.js";
import { GraphiteTemplate } from "../../src/ingest/graphite/graphite-template.js";
import { pushInflux } from "../../src/ingest/influx/push-influx.js";
import { defaultOtlpOptions } from "../../src/ingest/otlp/otlp-labels.js";
import { pushOtlp } from "../../src/ingest/otlp/push-otlp.js";
import type { Push } from "../../src/ingest/push/push.js";
import { pushExposition } from "../../src/ingest/push/push-exposition.js";
import { RowMemory } from "../../src/ingest/push/row-memory.js";
import { pushJsonLines } from "../../src/ingest/push-json-lines.js";
import { readProtobufFamilies } from "../../src/ingest/pushgateway/read-protobuf-families.js";
import { readTextFamilies } from "../../src/ingest/pushgateway/read-text-families.js";
import {
  type RemoteWriteVersion,
  WriteRequestReader,
} from "../../src/ingest/remote-write/write-request-reader.js";
import { SummingPush } from "../../src/ingest/sums/summing-push.js";
import { Sums } from "../../src/ingest/sums/sums.js";
import { encodeSnappy } from "../../src/kernels/snappy.js";
import { systemClock } from "../../src/model/clock.js";
import { Journals } from "../../src/storage/journal.js";
import { MemFileSystem } from "../support/mem-file-system.js";
import * as bodies from "./bodies.js";

export interface FuzzedProtocol {
  readonly name: string;
  readonly bodies: readonly Buffer[];
  read(pieces: readonly Buffer[], push: Push): Promise<unknown>;
  /** Where it is posted, and as what; undefined for what does not come over HTTP. */
  readonly request?: { readonly url: string; readonly type: string; readonly encoding?: string };
  /**
   * "alone": each line is read by itself, so that a change within one leaves the others as they were. "unless-quoted":
   * so, too, but a quote that is open at its end takes in the next one. "until-change": only those before the change are
   * as they were.
   */
  readonly lines?: "alone" | "unless-quoted" | "until-change";
  /** Which part of a body is a value of JSON. */
  readonly json?: "line" | "body";
  /** Whether a body is read as it arrives, in pieces of any size. */
  readonly isStreamed?: boolean;
  /** What is done with a message before it is sent. */
  readonly encode?: (message: Buffer) => Buffer;
}

export async function fuzzedProtocols(): Promise<readonly FuzzedProtocol[]> {
  return [
    ...lineProtocols(),
    ...deviceProtocols(),
    ...pushgatewayProtocols(),
    ...(await otlpProtocols()),
    writes(1),
    writes(2),
  ];
}

function lineProtocols(): readonly FuzzedProtocol[] {
  const text = "/api/v1/import/prometheus";
  const [texts, openMetrics] = [new RowMemory(), new RowMemory()];
  const lines = new RowMemory();
  const heads = new RowMemory();
  return [
    {
      name: "text",
      bodies: bodies.expositions,
      read: (pieces, push) => pushExposition(arriving(pieces), { format: "prometheus", push, memory: texts }),
      request: { url: text, type: "text/plain" },
      lines: "alone",
      isStreamed: true,
    },
    {
      name: "openmetrics",
      bodies: bodies.openMetrics,
      read: (pieces, push) =>
        pushExposition(arriving(pieces), { format: "openmetrics", push, memory: openMetrics }),
      request: { url: text, type: "application/openmetrics-text" },
      lines: "until-change",
      isStreamed: true,
    },
    {
      name: "influx",
      bodies: bodies.influxLines,
      read: (pieces, push) => pushInflux(arriving(pieces), push, { database: "home", memory: heads }),
      request: { url: "/api/v2/write", type: "text/plain" },
      lines: "unless-quoted",
      isStreamed: true,
    },
    { name: "graphite", bodies: bodies.graphiteLines, read: readGraphite, lines: "alone", isStreamed: true },
    {
      name: "json-lines",
      bodies: bodies.jsonLines,
      read: (pieces, push) => pushJsonLines(arriving(pieces), push, push.limits.lineSizeBytes, lines),
      request: { url: "/api/v1/import", type: "application/json" },
      lines: "alone",
      json: "line",
      isStreamed: true,
    },
  ];
}

function deviceProtocols(): readonly FuzzedProtocol[] {
  const increments = "/api/v1/push/increments";
  const memory = new RowMemory();
  return [
    {
      name: "json",
      bodies: bodies.deviceTexts,
      read: (pieces, push) => pushDeviceBody(arriving(pieces), push, { format: "json", memory }),
      request: { url: "/api/v1/push", type: "application/json" },
      lines: "until-change",
      json: "line",
      isStreamed: true,
    },
    {
      name: "msgpack",
      bodies: bodies.devicePacks,
      read: (pieces, push) => pushDeviceBody(arriving(pieces), push, { format: "msgpack", memory }),
      request: { url: "/api/v1/push", type: "application/msgpack" },
      isStreamed: true,
    },
    {
      name: "increments",
      bodies: [...bodies.expositions, ...bodies.openMetrics],
      read: async (pieces, push) =>
        pushExposition(arriving(pieces), {
          format: "prometheus",
          push: new SummingPush(push, await openSums()),
        }),
      request: { url: increments, type: "text/plain" },
    },
    {
      name: "increments-json",
      bodies: bodies.deviceTexts,
      read: async (pieces, push) =>
        pushDeviceBody(arriving(pieces), new SummingPush(push, await openSums()), { format: "json" }),
      request: { url: increments, type: "application/json" },
      json: "line",
    },
  ];
}

/** Their families go to groups, not to a Push: what is looked at is that they are read or refused. */
function pushgatewayProtocols(): readonly FuzzedProtocol[] {
  const url = "/metrics/job/fuzz";
  const delimited =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
  return [
    {
      name: "pushgateway",
      bodies: bodies.expositions.map((body) => Buffer.concat([body, Buffer.from("\n")])),
      read: (pieces, { limits }) => readTextFamilies(arriving(pieces), limits),
      request: { url, type: "text/plain" },
    },
    {
      name: "pushgateway-protobuf",
      bodies: bodies.metricFamilies(),
      read: async (pieces, { limits }) => readProtobufFamilies(Buffer.concat(pieces), limits),
      request: { url, type: delimited },
    },
  ];
}

async function otlpProtocols(): Promise<readonly FuzzedProtocol[]> {
  const url = "/api/v1/otlp/v1/metrics";
  const parts = { options: defaultOtlpOptions, sums: openSums, memory: new RowMemory() };
  return [
    {
      name: "otlp-protobuf",
      bodies: await bodies.otlpBodies("protobuf"),
      read: (pieces, push) => pushOtlp({ bytes: Buffer.concat(pieces), encoding: "protobuf" }, push, parts),
      request: { url, type: "application/x-protobuf" },
    },
    {
      name: "otlp-json",
      bodies: await bodies.otlpBodies("json"),
      read: (pieces, push) => pushOtlp({ bytes: Buffer.concat(pieces), encoding: "json" }, push, parts),
      request: { url, type: "application/json" },
      json: "body",
    },
  ];
}

function writes(version: RemoteWriteVersion): FuzzedProtocol {
  const reader = new WriteRequestReader();
  const message = version === 1 ? "prometheus.WriteRequest" : "io.prometheus.write.v2.Request";
  return {
    name: `remote-write-${version}`,
    bodies: bodies.writeMessages(version),
    read: (pieces, push) => reader.push(pieces, version, push),
    request: { url: "/api/v1/write", type: `application/x-protobuf;proto=${message}`, encoding: "snappy" },
    encode: (bytes) => Buffer.from(encodeSnappy(bytes)),
  };
}

const graphiteRows = new RowMemory();
const templates = ["servers.* .host.name* env=prod", "a.b c.name"].map((text) => new GraphiteTemplate(text));

async function readGraphite(pieces: readonly Buffer[], push: Push): Promise<void> {
  const reader = new GraphiteReader(templates, 16 * 1024, graphiteRows);
  for (const piece of pieces) reader.write(piece, push);
  if (reader.holdsLine) reader.end(push);
}

/** Sums of no importance, begun anew by and by. */
let sums: { readonly opened: Promise<Sums>; usesLeft: number } | undefined;

function openSums(): Promise<Sums> {
  if (sums === undefined || sums.usesLeft-- === 0) {
    const disk = { fileSystem: new MemFileSystem(), directory: "fuzz", durabilityIntervalMs: 0 };
    const journals = new Journals({ ...disk, durability: "none", clock: systemClock, onLoss: () => {} });
    sums = { opened: Sums.open((name, visit) => journals.open(name, visit), systemClock), usesLeft: 500 };
  }
  return sums.opened;
}

async function* arriving(pieces: readonly Buffer[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}
