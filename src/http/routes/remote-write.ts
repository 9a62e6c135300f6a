/**
 * `POST /api/v1/write`: remote write 1.0 and 2.0, told apart by the content type. 204 means that everything is
 * stored, by the chosen durability; 400 that what is acceptable is stored, with counts and the first reason of the
 * rest, and that sending it again is of no use.
 *
 * Headers are looked at first: a type or encoding that is not spoken is 415 whatever the body is. Answers to 2.0 say
 * how much was written, also when it failed; answers to 1.0 must not, since senders would take that for 2.0.
 *
 * Source: prometheus.io/docs/specs/prw/remote_write_spec and remote_write_spec_2_0; docs/decisions/0017.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { PushProtocol, PushResult, UnstoredKind } from "../../ingest/push/push.js";
import {
  type RemoteWriteVersion,
  WriteRequestReader,
} from "../../ingest/remote-write/write-request-reader.js";
import { UnsupportedMediaTypeError } from "../../model/errors.js";
import type { RouteContext } from "../app.js";
import { encodeError } from "../envelope.js";
import { HeldBodies } from "../held-bodies.js";
import { countOutcome, describeOutcome, isAllKept, sendPushOutcome } from "../ingest-reply.js";
import { pushRequestOf } from "../push-request.js";
import { giveUp } from "../receive-push.js";
import { addStreamRoute, bodyPieces } from "../request-body.js";

export function addRemoteWriteRoutes(app: FastifyInstance, context: RouteContext): void {
  const means = { reader: new WriteRequestReader(), bodies: new HeldBodies() };
  addStreamRoute(app, "POST", "/api/v1/write", (request, reply) => receive(context, means, request, reply));
}

const protocols: Readonly<Record<RemoteWriteVersion, PushProtocol>> = {
  1: "remote-write",
  2: "remote-write-2",
};

/** All in one function: each one between would cost a promise and a turn of the microtasks. */
async function receive(
  { sources, limits, metrics }: RouteContext,
  { reader, bodies }: { readonly reader: WriteRequestReader; readonly bodies: HeldBodies },
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const version = versionOf(request);
  const protocol = protocols[version];
  if (version === 2) declareWritten(reply, 0);
  const push = sources.admit(pushRequestOf(request, protocol));
  const share = bodies.open();
  try {
    const sizeBytes = Math.min(limits.pushSizeBytes, push.limits.bodySizeBytes);
    const pieces = await bodyPieces(request, sizeBytes, share.take);
    const result = await reader.push(pieces, version, push);
    countOutcome(metrics, protocol, result);
    if (version === 2) declareWritten(reply, result.appended);
    return sendOutcome(reply, result, version);
  } catch (error) {
    // A large request may fail in its middle, when its beginning is stored.
    if (version === 2) declareWritten(reply, push.result.appended);
    throw giveUp(push, error, { metrics, protocol });
  } finally {
    share.end();
  }
}

/**
 * As Prometheus: a header that is absent is taken for 1.0's, since early senders leave them out.
 *
 * Throws UnsupportedMediaTypeError.
 */
function versionOf({ headers }: FastifyRequest): RemoteWriteVersion {
  const { "content-type": type = MEDIA_TYPE, "content-encoding": encoding = "snappy" } = headers;
  const version = usualTypes.get(type) ?? versionOfType(type);
  if (encoding !== "snappy" && encoding.trim().toLowerCase() !== "snappy")
    throw new UnsupportedMediaTypeError(`remote write is encoded with snappy, not ${encoding}`);
  return version;
}

function versionOfType(type: string): RemoteWriteVersion {
  const [mediaType = "", ...parameters] = type.split(";").map((part) => part.trim());
  if (mediaType.toLowerCase() !== MEDIA_TYPE)
    throw new UnsupportedMediaTypeError(`remote write is ${MEDIA_TYPE}, not ${type}`);
  const message = parameters.find((parameter) => /^proto=/i.test(parameter))?.slice("proto=".length);
  const version = message === undefined ? 1 : messageVersions[message.toLowerCase()];
  if (version === undefined)
    throw new UnsupportedMediaTypeError(
      `the message ${message} is not spoken here; send prometheus.WriteRequest or io.prometheus.write.v2.Request`,
    );
  return version;
}

const MEDIA_TYPE = "application/x-protobuf";

const messageVersions: Readonly<Record<string, RemoteWriteVersion>> = {
  "prometheus.writerequest": 1,
  "io.prometheus.write.v2.request": 2,
};

/** As nearly all senders write them. */
const usualTypes: ReadonlyMap<string, RemoteWriteVersion> = new Map([
  [MEDIA_TYPE, 1],
  [`${MEDIA_TYPE};proto=prometheus.WriteRequest`, 1],
  [`${MEDIA_TYPE};proto=io.prometheus.write.v2.Request`, 2],
]);

/** Histograms and exemplars are not stored. */
function declareWritten(reply: FastifyReply, samples: number): void {
  reply.header("x-prometheus-remote-write-samples-written", samples);
  reply.header("x-prometheus-remote-write-histograms-written", 0);
  reply.header("x-prometheus-remote-write-exemplars-written", 0);
}

/**
 * What a sender must be told is not stored. Histograms are samples, and lost. Exemplars are what 2.0 counts, too; 1.0
 * does not know of them, and its senders would count the samples beside them as failed, which they are not.
 */
const unstoredFailures: Readonly<Record<RemoteWriteVersion, readonly UnstoredKind[]>> = {
  1: ["native-histogram"],
  2: ["native-histogram", "exemplar"],
};

function sendOutcome(reply: FastifyReply, result: PushResult, version: RemoteWriteVersion): FastifyReply {
  const lacking = unstoredFailures[version].flatMap((kind) => {
    const count = result.notStored.get(kind) ?? 0;
    return count === 0 ? [] : [`${count} ${kind.replace("-", " ")}${count === 1 ? "" : "s"}`];
  });
  if (lacking.length === 0) return sendPushOutcome(reply, result, "series");
  const samples = isAllKept(result)
    ? `all ${result.appended} samples are stored`
    : describeOutcome(result, "series");
  const message = `not stored here: ${lacking.join(" and ")}; ${samples}`;
  return reply.code(400).type("application/json").send(encodeError("bad_data", message));
}
