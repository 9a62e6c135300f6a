/**
 * The HTTP application: the Prometheus API, pushes and imports, and pages about the server itself. It never
 * listens; tests inject requests, and `server.ts` listens.
 *
 * Every reply to a program is JSON in Prometheus' envelope, failures and unknown paths included.
 */

import type { ServerOptions } from "node:https";
import type { Socket } from "node:net";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Database, DatabaseEvent, PushSources } from "../api.js";
import { defaultOtlpOptions, type OtlpOptions } from "../ingest/otlp/otlp-labels.js";
import type { Pushgateway } from "../ingest/pushgateway/pushgateway.js";
import { Sums } from "../ingest/sums/sums.js";
import type { Clock } from "../model/clock.js";
import { openedOnce } from "../model/opened-once.js";
import type { ScrapePoolStatus } from "../scrape/status.js";
import { Access, type AccessKind } from "./access.js";
import {
  type ConnectionLimits,
  type ConnectionWatch,
  connectionOptions,
  defaultConnectionLimits,
  watchConnections,
} from "./connections.js";
import { encodeError } from "./envelope.js";
import { errorReply } from "./error-reply.js";
import { defaultHttpLimits, type HttpLimits } from "./http-limits.js";
import { OwnMetrics, type OwnMetricsSources } from "./own-metrics.js";
import { addAbsentRoutes } from "./routes/absent.js";
import { addAdminRoutes } from "./routes/admin.js";
import { type AgentDoor, addAgentRoutes, takeAgents } from "./routes/agent.js";
import { addImportRoutes } from "./routes/import.js";
import { addMetadataRoutes } from "./routes/metadata.js";
import { addPageRoutes } from "./routes/pages.js";
import { addPushRoutes } from "./routes/push.js";
import { addDevicePushRoutes } from "./routes/push-device.js";
import { addPushEndRoutes } from "./routes/push-end.js";
import { addIncrementRoutes } from "./routes/push-increments.js";
import { addInfluxRoutes } from "./routes/push-influx.js";
import { addOtlpRoutes } from "./routes/push-otlp.js";
import { addPushgatewayAdminRoutes, addPushgatewayRoutes } from "./routes/pushgateway.js";
import { addQueryRoutes } from "./routes/query.js";
import { addReloadRoutes } from "./routes/reload.js";
import { addRemoteWriteRoutes } from "./routes/remote-write.js";
import { addSourceRoutes } from "./routes/sources.js";
import { addStatusRoutes, noFacts, type ServerFacts } from "./routes/status.js";
import { addTargetRoutes } from "./routes/targets.js";

export interface AppDependencies {
  /** Stays open for as long as the application answers; the caller closes it afterwards. */
  readonly database: Database;
  readonly clock: Clock;
  readonly version: string;
  /** What is scraped, as it stands. Default: nothing is. */
  readonly scrapePools?: () => readonly ScrapePoolStatus[];
  /** Told of failures that are not the client's doing. */
  readonly onEvent: (event: DatabaseEvent) => void;
  readonly limits?: Partial<HttpLimits>;
  /** How names of OpenTelemetry become ours. Default as Prometheus'. */
  readonly otlp?: () => Partial<OtlpOptions>;
  /** Whether clients may delete what is stored. Default false. */
  readonly enableAdminApi?: boolean;
  /** Of the query language, for what is parsed without being evaluated. Default none. */
  readonly features?: ReadonlySet<string>;
  /** Who may do what. Default: everyone everything, save what Access says of other sites and other machines. */
  readonly access?: Access;
  /** Reads the configuration again. Default: clients may not ask for that. */
  readonly reload?: () => Promise<void>;
  /** Of the process. Default: it has none of its own. */
  readonly facts?: ServerFacts;
  /** What own metrics tell besides. */
  readonly ownMetrics?: OwnMetricsSources;
  /** Who takes connections of agents. Default: nobody does. */
  readonly agents?: AgentDoor;
  /** For HTTPS. Default plain HTTP. */
  readonly https?: ServerOptions;
  readonly connectionLimits?: Partial<ConnectionLimits>;
}

/** What each file of routes is given. */
export interface RouteContext {
  readonly database: Database;
  /** The database's: who may push, and what became of it. */
  readonly sources: PushSources;
  /** What pushed increments add up to; opened when it is first needed. */
  readonly sums: () => Promise<Sums>;
  /** Groups of the Pushgateway's API. */
  readonly pushgateway: () => Promise<Pushgateway>;
  readonly otlp: () => OtlpOptions;
  readonly clock: Clock;
  readonly version: string;
  readonly facts: ServerFacts;
  readonly limits: HttpLimits;
  readonly metrics: OwnMetrics;
  readonly enableAdminApi: boolean;
  readonly features: ReadonlySet<string>;
  readonly scrapePools: () => readonly ScrapePoolStatus[];
  /** Undefined when clients may not ask for it. */
  readonly reload: (() => Promise<void>) | undefined;
  readonly agents: AgentDoor | undefined;
}

export function buildApp(dependencies: AppDependencies): FastifyInstance {
  const { database, clock, version, onEvent } = dependencies;
  const limits = { ...defaultHttpLimits, ...dependencies.limits };
  const metrics = new OwnMetrics(version, () => database.describe(), dependencies.ownMetrics);
  const { enableAdminApi = false, features = new Set<string>(), scrapePools = () => [] } = dependencies;
  const { access = new Access(clock), reload, https, agents, facts = noFacts(clock) } = dependencies;
  const settings = { version, facts, limits, enableAdminApi, features, reload, agents };
  const { sources } = database;
  const sums = openedOnce(() => Sums.open(database.openJournal, clock));
  const parts = {
    database,
    sources,
    sums,
    pushgateway: () => database.pushgateway(),
    otlp: () => ({ ...defaultOtlpOptions, ...dependencies.otlp?.() }),
  };
  const context: RouteContext = { ...settings, ...parts, clock, metrics, scrapePools };
  const serverOptions = { maxHeaderSize: limits.headerSizeBytes, ...connectionOptions, ...https };
  const app = Fastify({
    bodyLimit: limits.formSizeBytes,
    ...{ [https === undefined ? "http" : "https"]: serverOptions },
    routerOptions: { maxParamLength: limits.pathParameterLength },
    forceCloseConnections: "idle",
    return503OnClosing: true,
    // Of a request that reaches no route: a path that does not decode, bytes that are no HTTP.
    frameworkErrors: (error, request, reply) => sendError(error, request, reply, onEvent),
    clientErrorHandler: answerBrokenRequest,
  });
  const watch = watchConnections(app, clock, {
    ...defaultConnectionLimits,
    ...dependencies.connectionLimits,
  });
  addCommonHooks(app, { watch, access, metrics });
  if (agents !== undefined) takeAgents(app, agents);
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, onEvent));
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?", 1)[0];
    const message = `nothing answers ${request.method} ${path}; GET / lists what does`;
    return reply.code(404).type(JSON_TYPE).send(encodeError("not_found", message));
  });
  app.options("*", (_request, reply) => reply.code(204).send());
  for (const kind of Object.keys(routes) as AccessKind[])
    for (const add of routes[kind])
      app.register(async (scope) => {
        scope.addHook("onRequest", (request, reply, done) => {
          const checking = access.check(request, reply, kind);
          if (checking === undefined) done();
          else checking.then(() => done(), done);
        });
        add(scope, context);
      });
  return app;
}

type AddRoutes = (app: FastifyInstance, context: RouteContext) => void;

/** By what a request must be allowed to do: see Access. */
const routes: Readonly<Record<AccessKind, readonly AddRoutes[]>> = {
  push: [
    ...[
      addPushRoutes,
      addRemoteWriteRoutes,
      addDevicePushRoutes,
      addIncrementRoutes,
      addInfluxRoutes,
      addOtlpRoutes,
      addPushgatewayRoutes,
    ],
    ...[addPushEndRoutes],
  ],
  read: [
    ...[addQueryRoutes, addMetadataRoutes, addStatusRoutes, addTargetRoutes, addSourceRoutes],
    ...[addPageRoutes, addAbsentRoutes, addAgentRoutes],
  ],
  import: [addImportRoutes],
  admin: [addAdminRoutes, addPushgatewayAdminRoutes, addReloadRoutes],
};

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
  if (status === 401) reply.header("www-authenticate", 'Basic realm="Narthex", charset="UTF-8"');
  return reply.code(status).type(JSON_TYPE).send(encodeError(errorType, message));
}

const URL_LENGTH_IN_LOG = 200;

/** Without the password that InfluxDB's clients may put there. */
function shorten(url: string): string {
  const shown = url.replace(/([?&]p=)[^&]*/g, "$1...");
  return shown.length > URL_LENGTH_IN_LOG ? `${shown.slice(0, URL_LENGTH_IN_LOG)}...` : shown;
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

/** The message and where it was thrown: enough to find it, short enough for a line of a log. */
function describeBug(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frame = /\n\s+(at .*)/.exec(error.stack ?? "")?.[1] ?? "";
  return `${error.name}: ${error.message} ${frame}`.trim();
}

/** What is done for every request. Few hooks, which call back: each promise of one costs a turn of the microtasks. */
function addCommonHooks(
  app: FastifyInstance,
  parts: { readonly watch: ConnectionWatch; readonly access: Access; readonly metrics: OwnMetrics },
): void {
  const { watch, access, metrics } = parts;
  app.addHook("onRequest", (request, reply, done) => {
    watch.began(request, reply);
    access.prepare(request, reply);
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
    watch.answered(request);
    // The route's pattern, not the path: a scanner must not make a series of every path it tries.
    const handler = request.routeOptions.url ?? "unknown";
    metrics.countRequest(handler, request.method, reply.statusCode, reply.elapsedTime);
    done();
  });
}
