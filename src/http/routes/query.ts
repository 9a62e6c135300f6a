/**
 * `query` and `query_range`: PromQL over HTTP, or with `explain=1` the plan as text; `format_query`: the text of an
 * expression, laid out; `parse_query`: its syntax tree.
 *
 * A client that hangs up cancels its query.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { encodeQueryResult } from "../../api/result-json.js";
import type { QueryOptions, QueryResult, RangeQueryOptions } from "../../api.js";
import { InvalidArgumentError } from "../../model/errors.js";
import type { Expression } from "../../query/parser/ast.js";
import { astJson } from "../../query/parser/ast-json.js";
import { parse } from "../../query/parser/parse.js";
import { prettyPrint } from "../../query/parser/pretty-print.js";
import type { RouteContext } from "../app.js";
import { encodeSuccess } from "../envelope.js";
import { sendJson } from "../reply-stream.js";
import { acceptForms } from "../request-body.js";
import { invalidParameter, namingParameter, RequestParameters } from "../request-parameters.js";

export function addQueryRoutes(app: FastifyInstance, context: RouteContext): void {
  acceptForms(app);
  const method = ["GET", "POST"];
  app.route({
    method,
    url: "/api/v1/query",
    handler: (request, reply) => answerInstantQuery(context, request, reply),
  });
  app.route({
    method,
    url: "/api/v1/query_range",
    handler: (request, reply) => answerRangeQuery(context, request, reply),
  });
  app.route({
    method,
    url: "/api/v1/format_query",
    handler: (request, reply) => {
      const formatted = prettyPrint(parseQuery(context, request));
      return sendJson(reply, encodeSuccess([JSON.stringify(formatted)]));
    },
  });
  app.route({
    method,
    url: "/api/v1/parse_query",
    handler: (request, reply) => {
      const tree = astJson(parseQuery(context, request));
      return sendJson(reply, encodeSuccess([JSON.stringify(tree)]));
    },
  });
}

async function answerInstantQuery(context: RouteContext, request: FastifyRequest, reply: FastifyReply) {
  const { database, clock, metrics } = context;
  const parameters = new RequestParameters(request);
  const limit = parameters.limit();
  const time = parameters.optionalTime("time") ?? clock.now();
  const options = { ...evaluationOptions(context, parameters), time, signal: abortOnDisconnect(reply) };
  if (parameters.flag("explain")) return sendPlan(reply, context, parameters, options);
  const began = clock.monotonic();
  const result = await database.query(parameters.text("query"), options).catch((error: unknown) => {
    throw namingParameter("query", error);
  });
  metrics.countQuery("instant", clock.monotonic() - began);
  return sendResult(reply, result, limit);
}

async function answerRangeQuery(context: RouteContext, request: FastifyRequest, reply: FastifyReply) {
  const { database, clock, metrics } = context;
  const parameters = new RequestParameters(request);
  const limit = parameters.limit();
  const grid = rangeOf(context, parameters);
  const options = { ...evaluationOptions(context, parameters), ...grid, signal: abortOnDisconnect(reply) };
  if (parameters.flag("explain")) return sendPlan(reply, context, parameters, options);
  const began = clock.monotonic();
  const result = await database.queryRange(parameters.text("query"), options).catch((error: unknown) => {
    throw namingParameter("query", error);
  });
  metrics.countQuery("range", clock.monotonic() - began);
  return sendResult(reply, result, limit);
}

function rangeOf({ limits }: RouteContext, parameters: RequestParameters) {
  const start = parameters.time("start");
  const end = parameters.time("end");
  if (end < start) throw invalidParameter("end", "end timestamp must not be before start time");
  const step = parameters.durationMs("step");
  if (step <= 0) {
    const reason = "zero or negative query resolution step widths are not accepted. Try a positive integer";
    throw invalidParameter("step", reason);
  }
  if (Math.floor((end - start) / step) > limits.stepsMax) {
    const most = limits.stepsMax.toLocaleString("en-US");
    throw new InvalidArgumentError(
      `exceeded maximum resolution of ${most} points per timeseries. Try decreasing the query resolution (?step=XX)`,
    );
  }
  return { start, end, step };
}

function evaluationOptions({ limits }: RouteContext, parameters: RequestParameters) {
  const asked = parameters.optionalDurationMs("timeout") ?? limits.queryTimeoutMs;
  const lookbackDeltaMs = parameters.optionalDurationMs("lookback_delta") ?? 0;
  return {
    timeoutMs: Math.min(asked, limits.queryTimeoutMs),
    ...(lookbackDeltaMs > 0 ? { lookbackDeltaMs } : {}),
  };
}

function sendResult(reply: FastifyReply, result: QueryResult, limit: number): FastifyReply {
  const kept = truncate(result, limit);
  return sendJson(reply, encodeSuccess(encodeQueryResult(kept), kept));
}

function truncate(result: QueryResult, limit: number): QueryResult {
  if (result.type !== "vector" && result.type !== "matrix") return result;
  if (result.series.length <= limit) return result;
  const warnings = [...result.warnings, "results truncated due to limit"];
  return result.type === "vector"
    ? { ...result, series: result.series.slice(0, limit), warnings }
    : { ...result, series: result.series.slice(0, limit), warnings };
}

/** Ours: Prometheus has no plans to show. */
function sendPlan(
  reply: FastifyReply,
  { database }: RouteContext,
  parameters: RequestParameters,
  options: QueryOptions | RangeQueryOptions,
): FastifyReply {
  const result = naming(() => database.explain(parameters.text("query"), options));
  return sendJson(reply, encodeSuccess([JSON.stringify({ resultType: "plan", result })]));
}

function parseQuery({ features }: RouteContext, request: FastifyRequest): Expression {
  return naming(() => parse(new RequestParameters(request).text("query"), { features }));
}

function naming<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw namingParameter("query", error);
  }
}

/** Aborts when the connection closes before the reply was written. */
function abortOnDisconnect(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
