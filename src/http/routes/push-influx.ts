/**
 * The write APIs of InfluxDB 1 (`/write`) and 2 (`/api/v2/write`), and as much of what stands around them as clients
 * ask before they write: `/ping`, `/health`, `SHOW DATABASES`.
 *
 * Answers are InfluxDB's: 204, or 400 with "partial write" and the counts when something could not be stored; the
 * rest is stored then.
 *
 * Source: InfluxData, "InfluxDB API reference" of 1.8 and of 2.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type InfluxPrecision, influxPrecisions, pushInflux } from "../../ingest/influx/push-influx.js";
import { RowMemory } from "../../ingest/push/row-memory.js";
import type { RouteContext } from "../app.js";
import { errorReply } from "../error-reply.js";
import { describeOutcome, isAllKept } from "../ingest-reply.js";
import { receivePush } from "../receive-push.js";
import { acceptForms, addStreamRoute } from "../request-body.js";
import { invalidParameter, RequestParameters } from "../request-parameters.js";

type Dialect = "1" | "2";

export function addInfluxRoutes(app: FastifyInstance, context: RouteContext): void {
  const memory = new RowMemory();
  for (const [path, dialect] of [
    ["/write", "1"],
    ["/api/v2/write", "2"],
  ] as const)
    addStreamRoute(app, "POST", path, async (request, reply) => {
      try {
        return await receive(context, memory, request, reply, dialect);
      } catch (error) {
        const { status, errorType, message, isOurFault, retryAfterSeconds } = errorReply(error);
        if (isOurFault) throw error;
        if (retryAfterSeconds !== undefined) reply.header("retry-after", retryAfterSeconds);
        return sendFailure(reply, dialect, { status, code: errorType, message });
      }
    });
  app.get("/ping", (_request, reply) => reply.header("x-influxdb-version", "1.8-narthex").code(204).send());
  app.get("/health", (_request, reply) =>
    reply.send({ name: "narthex", message: "ready", status: "pass", version: context.version }),
  );
  app.register(async (forms) => {
    acceptForms(forms);
    forms.route({ method: ["GET", "POST"], url: "/query", handler: answerQuery });
  });
}

async function receive(
  context: RouteContext,
  memory: RowMemory,
  request: FastifyRequest,
  reply: FastifyReply,
  dialect: Dialect,
): Promise<FastifyReply> {
  const parameters = new RequestParameters(request);
  const options = { precision: precisionOf(parameters), database: parameters.optionalText("db"), memory };
  const result = await receivePush(context, request, "influx", (body, push) =>
    pushInflux(body, push, options),
  );
  if (isAllKept(result)) return reply.code(204).send();
  const message = `partial write: ${describeOutcome(result, "line")}`;
  return sendFailure(reply, dialect, { status: 400, code: "invalid", message });
}

function sendFailure(
  reply: FastifyReply,
  dialect: Dialect,
  { status, code, message }: { readonly status: number; readonly code: string; readonly message: string },
): FastifyReply {
  reply.code(status).header("x-influxdb-error", message.replace(/[^\x20-\x7e]/g, "?").slice(0, 500));
  return reply.send(dialect === "1" ? { error: message } : { code, message });
}

function precisionOf(parameters: RequestParameters): InfluxPrecision | undefined {
  const text = parameters.optionalText("precision");
  const precision = influxPrecisions.find((known) => known === text);
  if (text !== undefined && precision === undefined)
    throw invalidParameter("precision", `${JSON.stringify(text)} is none of ${influxPrecisions.join(", ")}`);
  return precision;
}

/** Agents make sure that their database exists; here is one, whatever its name. */
async function answerQuery(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const text = new RequestParameters(request).text("q").trim();
  if (/^show\s+databases/i.test(text)) {
    const series = [{ name: "databases", columns: ["name"], values: [["narthex"]] }];
    return reply.send({ results: [{ statement_id: 0, series }] });
  }
  if (/^create\s+database/i.test(text)) return reply.send({ results: [{ statement_id: 0 }] });
  return reply.code(400).send({ error: "InfluxQL is not spoken here; query with PromQL at /api/v1/query" });
}
