/**
 * Pages about the server for programs: build, configuration, flags, storage, health, readiness, what is wrong, own metrics.
 *
 * Source: Prometheus `web/api/v1/api.go`, serveConfig, serveFlags, serveRuntimeInfo, serveWALReplayStatus, notifications.
 * What only a program in Go has (goroutines, GOGC) is left out.
 */

import type { FastifyInstance } from "fastify";
import type { DatabaseStatus } from "../../api.js";
import type { Clock } from "../../model/clock.js";
import { UnavailableError } from "../../model/errors.js";
import { formatRfc3339 } from "../../model/rfc3339.js";
import type { TimestampMs } from "../../model/sample.js";
import type { RouteContext } from "../app.js";
import { encodeSuccess } from "../envelope.js";
import type { ConfigStatus } from "../own-metrics.js";
import { sendJson } from "../reply-stream.js";

/** What the process is, and what it was told. */
export interface ServerFacts {
  readonly startedAt: TimestampMs;
  /** In which paths of its command line are meant. */
  readonly directory: string;
  /** Of this machine, as others may know it. */
  readonly hostname: string;
  /** How others reach this server, where that was said; without a path. */
  readonly externalUrl: URL | undefined;
  /** What the command line says or leaves as it is, by Prometheus' names where it has them. */
  readonly flags: Readonly<Record<string, string>>;
  /** How long samples are kept: as `90d or 50GB`; empty for ever. */
  readonly retention: string;
  /** The configuration in force as YAML, without secrets. */
  readonly config: () => string;
  readonly reloads: () => ConfigStatus;
}

/** Of an application without a process of its own. */
export function noFacts(clock: Clock): ServerFacts {
  const startedAt = clock.now();
  return {
    ...{ startedAt, directory: "", hostname: "localhost", flags: {}, retention: "" },
    externalUrl: undefined,
    config: () => "",
    reloads: () => ({ isLastReloadSuccessful: true, readAt: startedAt }),
  };
}

export function addStatusRoutes(app: FastifyInstance, context: RouteContext): void {
  const { database, version, metrics, facts } = context;
  const pages: Readonly<Record<string, () => unknown>> = {
    "status/buildinfo": () => describeBuild(version),
    "status/config": () => ({ yaml: facts.config() }),
    "status/flags": () => facts.flags,
    "status/runtimeinfo": () => describeProcess(context),
    "status/tsdb": () => describeStorage(database.describe()),
    // Nothing is answered before the log has been replayed.
    "status/walreplay": () => ({ min: 0, max: 0, current: 0 }),
    notifications: () => describeTrouble(context),
  };
  for (const [path, describe] of Object.entries(pages))
    app.get(`/api/v1/${path}`, (_request, reply) =>
      sendJson(reply, encodeSuccess([JSON.stringify(describe())])),
    );
  app.get("/-/healthy", (_request, reply) =>
    reply.type("text/plain; charset=utf-8").send("Narthex is healthy.\n"),
  );
  app.get("/-/ready", (_request, reply) => {
    if (database.status !== "open") throw new UnavailableError(`the database is ${database.status}`);
    return reply.type("text/plain; charset=utf-8").send("Narthex is ready.\n");
  });
  app.get("/metrics", async (_request, reply) => reply.type(metrics.contentType).send(await metrics.page()));
}

function describeWrites(trouble: DatabaseStatus["writeTrouble"]) {
  if (trouble === undefined) return { state: "accepted", since: null, reason: null };
  return { state: trouble.kind, since: formatRfc3339(trouble.since), reason: trouble.reason };
}

function describeProcess({ clock, database, facts }: RouteContext) {
  const { isLastReloadSuccessful, readAt } = facts.reloads();
  return {
    startTime: formatRfc3339(facts.startedAt),
    CWD: facts.directory,
    hostname: facts.hostname,
    serverTime: formatRfc3339(clock.now()),
    reloadConfigSuccess: isLastReloadSuccessful,
    lastConfigTime: formatRfc3339(readAt),
    corruptionCount: database.describe().losses.length,
    storageRetention: facts.retention,
  };
}

/** What a person should do something about. */
function describeTrouble({ database, facts }: RouteContext) {
  const { failure } = facts.reloads();
  const { writeTrouble } = database.describe();
  const found = [
    failure && { text: `Configuration reload has failed: ${failure.reason}`, time: failure.time },
    writeTrouble && { text: `Nothing can be written: ${writeTrouble.reason}`, time: writeTrouble.since },
  ];
  return found
    .filter((trouble) => trouble !== undefined)
    .map(({ text, time }) => ({ text, date: formatRfc3339(time), active: true }));
}

/** The fields that clients of Prometheus look for, and what runs us. */
function describeBuild(version: string) {
  return {
    application: "narthex",
    version,
    revision: "",
    branch: "",
    buildUser: "",
    buildDate: "",
    goVersion: "",
    nodeVersion: process.version,
  };
}

/** `headStats` as in Prometheus; an empty head has no times. */
function describeStorage(status: DatabaseStatus) {
  return {
    headStats: {
      numSeries: status.headSeries,
      chunkCount: status.headChunks,
      numSamples: status.headSamples,
      minTime: status.headRange?.minTime ?? null,
      maxTime: status.headRange?.maxTime ?? null,
    },
    walBytes: status.walBytes,
    blocks: status.blocks.map(({ ulid, range, series, samples, bytes }) => ({
      ulid,
      minTime: range.minTime,
      maxTime: range.maxTime,
      numSeries: series,
      numSamples: samples,
      bytes,
    })),
    leftBytes: status.leftBytes,
    losses: status.losses,
    writes: describeWrites(status.writeTrouble),
  };
}
