/**
 * Pages about the server for programs: build, storage, health, readiness, own metrics.
 */

import type { FastifyInstance } from "fastify";
import type { DatabaseStatus } from "../../api.js";
import { UnavailableError } from "../../model/errors.js";
import { formatRfc3339 } from "../../model/rfc3339.js";
import type { RouteContext } from "../app.js";
import { encodeSuccess } from "../envelope.js";
import { sendJson } from "../reply-stream.js";

export function addStatusRoutes(app: FastifyInstance, { database, version, metrics }: RouteContext): void {
  app.get("/api/v1/status/buildinfo", (_request, reply) =>
    sendJson(reply, encodeSuccess([JSON.stringify(describeBuild(version))])),
  );
  app.get("/api/v1/status/tsdb", (_request, reply) =>
    sendJson(reply, encodeSuccess([JSON.stringify(describeStorage(database.describe()))])),
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
