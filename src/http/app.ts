/**
 * The HTTP application: the Prometheus API, pushes and imports, and pages about the server itself. It never
 * listens; tests inject requests, and `server.ts` listens.
 *
 * Every reply to a program is JSON in Prometheus' envelope, failures and unknown paths included.
 */

import type { Socket } from "node:net";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Database, DatabaseEvent } from "../api.js";
import type { Clock } from "../model/clock.js";
import type { TargetStatus } from "../scrape/status.js";
import { encodeError } from "./envelope.js";
import { errorReply } from "./error-reply.js";
import { defaultHttpLimits, type HttpLimits } from "./http-limits.js";
import { OwnMetrics } from "./own-metrics.js";
import { addAbsentRoutes } from "./routes/absent.js";
import { addAdminRoutes } from "./routes/admin.js";
import { addImportRoutes } from "./routes/import.js";
import { addMetadataRoutes } from "./routes/metadata.js";
import { addPageRoutes } from "./routes/pages.js";
import { addPushRoutes } from "./routes/push.js";
import { addQueryRoutes } from "./routes/query.js";
import { addStatusRoutes } from "./routes/status.js";
import { addTargetRoutes } from "./routes/targets.js";

export interface AppDependencies {
  /** Stays open for as long as the application answers; the caller closes it afterwards. */
  readonly database: Database;
  readonly clock: Clock;
  readonly version: string;
  /** What is scraped, as it stands. Default: nothing is. */
  readonly targets?: () => readonly TargetStatus[];
  /** Told of failures that are not the client's doing. */
  readonly onEvent: (event: DatabaseEvent) => void;
  readonly limits?: Partial<HttpLimits>;
  /** Whether clients may delete what is stored. Default false. */
  readonly enableAdminApi?: boolean;
  /** Of the query language, for what is parsed without being evaluated. Default none. */
  readonly features?: ReadonlySet<string>;
}

/** What each file of routes is given. */
export interface RouteContext {
  readonly database: Database;
  readonly clock: Clock;
  readonly version: string;
  readonly limits: HttpLimits;
  readonly metrics: OwnMetrics;
  readonly enableAdminApi: boolean;
  readonly features: ReadonlySet<string>;
  readonly targets: () => readonly TargetStatus[];
}

export function buildApp(dependencies: AppDependencies): FastifyInstance {
  const { database, clock, version, onEvent } = dependencies;
  const limits = { ...defaultHttpLimits, ...dependencies.limits };
  const metrics = new OwnMetrics(version, () => database.describe());
  const { enableAdminApi = false, features = new Set<string>(), targets = () => [] } = dependencies;
  const settings = { version, limits, enableAdminApi, features };
  const context: RouteContext = { ...settings, database, clock, metrics, targets };
  const app = Fastify({
    bodyLimit: limits.formSizeBytes,
    http: { maxHeaderSize: limits.headerSizeBytes },
    routerOptions: { maxParamLength: limits.pathParameterLength },
    forceCloseConnections: "idle",
    return503OnClosing: true,
    // Of a request that reaches no route: a path that does not decode, bytes that are no HTTP.
    frameworkErrors: (error, request, reply) => sendError(error, request, reply, onEvent),
    clientErrorHandler: answerBrokenRequest,
  });
  countRequests(app, context);
  endConnectionsOnClose(app);
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, onEvent));
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?", 1)[0];
    const message = `nothing answers ${request.method} ${path}; GET / lists what does`;
    return reply.code(404).type(JSON_TYPE).send(encodeError("not_found", message));
  });
  for (const add of [addQueryRoutes, addMetadataRoutes, addPushRoutes, addImportRoutes, addAdminRoutes]) {
    app.register(async (scope) => add(scope, context));
  }
  app.register(async (scope) => addAbsentRoutes(scope));
  addStatusRoutes(app, context);
  addTargetRoutes(app, context);
  addPageRoutes(app, context);
  return app;
}

const JSON_TYPE = "application/json";

function sendError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  onEvent: AppDependencies["onEvent"],
): FastifyReply {
  const { status, errorType, message, retryAfterSeconds, isOurFault } = errorReply(error);
  if (isOurFault) {
    const reason = describeBug(error);
    onEvent({
      level: "error",
      message: "a request failed",
      facts: { method: request.method, url: shorten(request.url), reason },
    });
  }
  if (retryAfterSeconds !== undefined) reply.header("retry-after", retryAfterSeconds);
  return reply.code(status).type(JSON_TYPE).send(encodeError(errorType, message));
}

const URL_LENGTH_IN_LOG = 200;

function shorten(url: string): string {
  return url.length > URL_LENGTH_IN_LOG ? `${url.slice(0, URL_LENGTH_IN_LOG)}...` : url;
}

/** Answers on the bare connection: there is no request yet. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, errorType, message] =
    error.code === "HPE_HEADER_OVERFLOW"
      ? (["431 Request Header Fields Too Large", "too_large", "the URL and headers are too long"] as const)
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? (["408 Request Timeout", "timeout", "the request did not arrive in time"] as const)
        : (["400 Bad Request", "bad_data", "this is not an HTTP request"] as const);
  const body = encodeError(errorType, message);
  const head = `HTTP/1.1 ${status}\r\nContent-Type: ${JSON_TYPE}\r\nContent-Length: ${body.length}\r\n`;
  socket.end(`${head}Connection: close\r\n\r\n${body}`);
}

/** Else a connection whose last request was in flight at the close would stay open until its client leaves. */
function endConnectionsOnClose(app: FastifyInstance): void {
  let isClosing = false;
  app.addHook("preClose", async () => {
    isClosing = true;
  });
  app.addHook("onSend", async (_request, reply) => {
    if (isClosing) reply.header("connection", "close");
  });
}

/** The message and where it was thrown: enough to find it, short enough for a line of a log. */
function describeBug(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frame = /\n\s+(at .*)/.exec(error.stack ?? "")?.[1] ?? "";
  return `${error.name}: ${error.message} ${frame}`.trim();
}

function countRequests(app: FastifyInstance, { clock, metrics }: RouteContext): void {
  const startOf = new WeakMap<FastifyRequest, number>();
  app.addHook("onRequest", async (request) => {
    startOf.set(request, clock.monotonic());
  });
  app.addHook("onResponse", async (request, reply) => {
    const durationMs = clock.monotonic() - (startOf.get(request) ?? clock.monotonic());
    // The route's pattern, not the path: a scanner must not make a series of every path it tries.
    const handler = request.routeOptions.url ?? "unknown";
    metrics.countRequest(handler, request.method, reply.statusCode, durationMs);
  });
}
