/**
 * The Pushgateway's API: `PUT`, `POST` and `DELETE /metrics/job/JOB{/LABEL/VALUE}`, `GET /api/v1/metrics`,
 * `GET /api/v1/status`, `PUT /api/v1/admin/wipe`. Its clients look at statuses: 200 for what is stored, 202 for what is
 * deleted, 400 for what is refused as a whole.
 *
 * Beyond it: `?ttl=1h` or `X-Push-Staleness: hold:1h` says how long a group stands (else for ever), `?timestamps=keep` or
 * `X-Push-Timestamps: keep` that samples may bring times.
 *
 * Source: Pushgateway README, "API"; docs/push.md has what differs.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Push, PushRequest, PushResult, StalenessPolicy } from "../../ingest/push/push.js";
import { encodeGroup } from "../../ingest/pushgateway/encode-groups.js";
import { FamilyAllowance } from "../../ingest/pushgateway/family-allowance.js";
import { type GroupingKey, parseGroupingPath } from "../../ingest/pushgateway/grouping-path.js";
import type { MetricFamily } from "../../ingest/pushgateway/metric-family.js";
import { readProtobufFamilies } from "../../ingest/pushgateway/read-protobuf-families.js";
import { readTextFamilies } from "../../ingest/pushgateway/read-text-families.js";
import { decodeSnappyFrames } from "../../ingest/pushgateway/snappy-frames.js";
import { parseDuration } from "../../model/duration.js";
import { InvalidArgumentError, UnavailableError } from "../../model/errors.js";
import { Labels } from "../../model/labels.js";
import { formatRfc3339 } from "../../model/rfc3339.js";
import type { RouteContext } from "../app.js";
import { encodeSuccess } from "../envelope.js";
import { HeldBodies, type HeldShare, readBodiesLimits } from "../held-bodies.js";
import { countOutcome, isAllKept, sendPushOutcome } from "../ingest-reply.js";
import { unescapeLabelName } from "../label-name-escaping.js";
import { bodyOf, pushRequestOf } from "../push-request.js";
import { sendJson } from "../reply-stream.js";
import { acceptStreams, addStreamRoute, type BodyLimits, bodyPieces, decodedBody } from "../request-body.js";
import { RequestParameters } from "../request-parameters.js";

const groupPath = "/metrics/*";

export function addPushgatewayRoutes(app: FastifyInstance, context: RouteContext): void {
  acceptStreams(app);
  const bodies = new HeldBodies(readBodiesLimits);
  addStreamRoute(app, "PUT", groupPath, async (request, reply) =>
    answer(reply, await receive(context, bodies, request, true)),
  );
  addStreamRoute(app, "POST", groupPath, async (request, reply) =>
    answer(reply, await receive(context, bodies, request, false)),
  );
  app.delete(groupPath, async (request, reply) => {
    const grouping = groupingOf(request);
    const gateway = await context.pushgateway();
    // Without what it declares: a group that goes has no life cycle.
    const { protocol, sender } = pushRequestOf(request, "pushgateway");
    const push = context.sources.admit({ protocol, sender, grouping: labelsOf(grouping) });
    await gateway.remove(push, grouping);
    return reply.code(202).send();
  });
  app.get("/api/v1/metrics", async (_request, reply) => {
    const gateway = await context.pushgateway();
    return sendJson(reply, encodeSuccess(["[", gateway.groups().map(encodeGroup).join(","), "]"]));
  });
  const startTime = formatRfc3339(context.clock.now());
  app.get("/api/v1/status", async (_request, reply) => {
    const status = describeStatus(context, startTime);
    return sendJson(reply, encodeSuccess([JSON.stringify(status)]));
  });
}

/** As the Pushgateway's flag of the same name enables it. */
export function addPushgatewayAdminRoutes(app: FastifyInstance, context: RouteContext): void {
  acceptStreams(app);
  app.put("/api/v1/admin/wipe", async (_request, reply) => {
    if (!context.enableAdminApi)
      throw new UnavailableError("admin APIs disabled; start the server with --web.enable-admin-api");
    await (await context.pushgateway()).wipe();
    return reply.code(202).send();
  });
}

async function receive(
  { sources, pushgateway, limits, metrics }: RouteContext,
  bodies: HeldBodies,
  request: FastifyRequest,
  replaces: boolean,
): Promise<PushResult> {
  const grouping = groupingOf(request);
  const declared = pushRequestOf(request, "pushgateway");
  const staleness = ttlOf(request) ?? declared.staleness ?? { kind: "forever" };
  const takesTimes = timesOf(request);
  const gateway = await pushgateway();
  const push = sources.admit(groupRequest(declared, grouping));
  const result = await bodies.share(async (share) => {
    const families = await bodyOf(push, () => readFamilies(request, push, limits, share));
    return gateway.push(push, { grouping, families, replaces, staleness, takesTimes });
  });
  countOutcome(metrics, "pushgateway", result);
  return result;
}

function answer(reply: FastifyReply, result: PushResult): FastifyReply {
  return isAllKept(result) ? reply.code(200).send() : sendPushOutcome(reply, result, "series");
}

/** To the life cycle values stand for ever: the groups say themselves when they end. */
function groupRequest(declared: PushRequest, grouping: GroupingKey): PushRequest {
  return {
    ...declared,
    isFullState: false,
    grouping: labelsOf(grouping),
    staleness: { kind: "forever" },
  };
}

/** Rejects with MalformedInputError, LimitExceededError, UnsupportedMediaTypeError, TooManyRequestsError. */
async function readFamilies(
  request: FastifyRequest,
  push: Push,
  limits: RouteContext["limits"],
  share: HeldShare,
): Promise<ReadonlyMap<string, MetricFamily>> {
  const sizeBytes = Math.min(limits.pushSizeBytes, push.limits.arrivingSizeBytes);
  const decodedSizeBytes = Math.min(limits.pushDecodedSizeBytes, push.limits.bodySizeBytes);
  const body = decompressed(request, { sizeBytes, decodedSizeBytes }, share);
  const allowance = new FamilyAllowance(push.limits, share.take);
  if (!isProtobuf(request.headers["content-type"])) return readTextFamilies(body, push.limits, allowance);
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return readProtobufFamilies(Buffer.concat(pieces), push.limits, allowance);
}

function decompressed(
  request: FastifyRequest,
  limits: BodyLimits,
  share: HeldShare,
): AsyncIterable<Uint8Array> {
  const encoding = request.headers["content-encoding"]?.trim().toLowerCase();
  const body = encoding === "snappy" ? unframed(request, limits, share) : decodedBody(request, limits);
  return share.bytesOf(body, limits.decodedSizeBytes);
}

async function* unframed(
  request: FastifyRequest,
  limits: BodyLimits,
  share: HeldShare,
): AsyncGenerator<Uint8Array> {
  const pieces = await bodyPieces(request, limits.sizeBytes);
  for (const piece of pieces) share.take(piece.length);
  yield* decodeSnappyFrames(Buffer.concat(pieces), limits.decodedSizeBytes);
}

/** Anything else is text, as a form's type that curl sends. */
function isProtobuf(contentType = ""): boolean {
  const [mediaType = "", ...rest] = contentType.split(";").map((part) => part.trim());
  const parameters = new Map(
    rest.map((part) => {
      const [name = "", value = ""] = part.split("=", 2);
      return [name.toLowerCase(), value.replaceAll('"', "")];
    }),
  );
  return (
    mediaType.toLowerCase() === "application/vnd.google.protobuf" &&
    parameters.get("encoding") === "delimited" &&
    parameters.get("proto") === "io.prometheus.client.MetricFamily"
  );
}

/** From the path as it came: a router has decoded it before it is split. */
function groupingOf({ raw }: FastifyRequest): GroupingKey {
  return parseGroupingPath((raw.url ?? "").split("?", 1)[0]!, unescapeLabelName);
}

function labelsOf(grouping: GroupingKey): Labels {
  return Labels.from(grouping);
}

function ttlOf(request: FastifyRequest): StalenessPolicy | undefined {
  const text = new RequestParameters(request).optionalText("ttl");
  if (text === undefined) return undefined;
  const durationMs = parseDuration(/^\d+$/.test(text) ? `${text}s` : text);
  if (durationMs === undefined || durationMs <= 0)
    throw new InvalidArgumentError(`the ttl ${JSON.stringify(text)} is no duration, as 90s or 1h`);
  return { kind: "hold", durationMs };
}

function timesOf(request: FastifyRequest): boolean {
  const header = request.headers["x-push-timestamps"];
  const text = header ?? new RequestParameters(request).optionalText("timestamps") ?? "refuse";
  if (text === "keep" || text === "refuse") return text === "keep";
  throw new InvalidArgumentError(`timestamps are either kept or refused, not ${JSON.stringify(text)}`);
}

function describeStatus({ version, enableAdminApi }: RouteContext, startTime: string) {
  return {
    build_information: {
      ...{ branch: "", buildDate: "", buildUser: "", goVersion: "", revision: "" },
      version,
    },
    flags: {
      "push.disable-consistency-check": "false",
      "push.enable-utf8-names": "true",
      "web.enable-admin-api": String(enableAdminApi),
    },
    start_time: startTime,
  };
}
