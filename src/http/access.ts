/**
 * Access: which requests may do what, before anything of them is read.
 *
 *   open     whether the server lives, and constants that clients ask for: everyone
 *   push     devices of `push_configs`, by admission; without these, users
 *   read     users; everyone when there are none; never a device, whose credential is for pushing only, nor an agent
 *   import   users; without these, programs on this machine: what is imported is of no source
 *   admin    as read; besides, each route has a flag of its own
 *
 * Users are those of `basic_auth_users`. What changes anything is refused to pages of other sites: see Origins.
 */

import type { FastifyReply, FastifyRequest } from "fastify";
import { Identities } from "../ingest/source/identities.js";
import { isLoopback } from "../ingest/source/ip-address.js";
import type { PushConfig } from "../ingest/source/push-config.js";
import { type Credential, compilePushJob } from "../ingest/source/push-job.js";
import type { Clock } from "../model/clock.js";
import { formatDuration } from "../model/duration.js";
import { ForbiddenError, UnauthorizedError } from "../model/errors.js";
import { digestKey, tokenDigest } from "../model/token-digest.js";
import { certificateNamesOf, credentialsOf } from "./credentials.js";
import { Origins } from "./origins.js";
import { Passwords } from "./passwords.js";

export type AccessKind = "push" | "read" | "import" | "admin";

export interface AccessRules {
  readonly pushConfigs: readonly PushConfig[];
  /** SHA-256 of those of `agent_configs`: they open routes/agent.ts, which asks for itself, and no other. */
  readonly agentTokens?: readonly Uint8Array[];
  /** By name, the bcrypt hash of the password. */
  readonly users: ReadonlyMap<string, string>;
  /** Headers of every reply. */
  readonly headers: Readonly<Record<string, string>>;
}

const openPaths = new Set(["/-/healthy", "/-/ready", "/ping", "/health", "/query"]);

export class Access {
  readonly #origins: Origins;
  readonly #passwords: Passwords;
  #identities: Identities | undefined;
  #agentTokens: ReadonlySet<string> = new Set();
  #headers: readonly (readonly [name: string, value: string])[] = [];

  constructor(clock: Clock, origins = new Origins()) {
    this.#origins = origins;
    this.#passwords = new Passwords(clock);
  }

  /** Takes the place of what was said before, for requests that come from now on. */
  configure({ pushConfigs, agentTokens = [], users, headers }: AccessRules): void {
    this.#identities = pushConfigs.length === 0 ? undefined : new Identities(pushConfigs.map(compilePushJob));
    this.#agentTokens = new Set(agentTokens.map(digestKey));
    this.#passwords.configure(users);
    this.#headers = Object.entries(headers);
  }

  /** Sets what every reply has. */
  prepare(request: FastifyRequest, reply: FastifyReply): void {
    this.#origins.allowReading(request, reply);
    for (const [name, value] of this.#headers) reply.header(name, value);
  }

  /**
   * `kind` is that of the file of routes. Returns nothing where it is known at once that the request may go on. Throws, or
   * rejects with, ForbiddenError, UnauthorizedError, TooManyRequestsError.
   */
  check(request: FastifyRequest, reply: FastifyReply, kind: AccessKind): Promise<void> | undefined {
    if (kind === "push") this.#tellInterval(request, reply);
    const isReading = request.method === "GET" || request.method === "HEAD";
    if (kind !== "read" && !isReading) this.#origins.checkChange(request);
    if (openPaths.has(request.routeOptions.url ?? "")) return undefined;
    if (this.#isAgent(request)) throw new ForbiddenError(forAgents);
    const asked = kind === "push" && isReading ? "read" : kind;
    if (asked === "push") {
      if (this.#identities === undefined && !this.#passwords.isEmpty) return this.#checkUser(request);
      return undefined;
    }
    if (this.#deviceOf(request) !== undefined) throw new ForbiddenError(forPushing);
    if (!this.#passwords.isEmpty) return this.#checkUser(request);
    if (asked === "import") assertLocal(request);
    return undefined;
  }

  /** So that the configuration, not the device, has the last word about how often it pushes. */
  #tellInterval(request: FastifyRequest, reply: FastifyReply): void {
    if (this.#identities === undefined) return;
    const intervalMs = this.#credentialOf(request)?.job.intervalMs;
    if (intervalMs !== undefined) reply.header("x-push-interval", formatDuration(intervalMs));
  }

  async #checkUser(request: FastifyRequest): Promise<void> {
    const { user, secret } = credentialsOf(request) ?? {};
    if (user !== undefined && secret !== undefined && (await this.#passwords.check(user, secret, request.ip)))
      return;
    throw new UnauthorizedError(
      user === undefined
        ? "this needs a user and a password, those of basic_auth_users, by basic authentication"
        : "the user or the password is wrong",
    );
  }

  /** An address alone makes no device: others of it may read. */
  #deviceOf(request: FastifyRequest): Credential | undefined {
    const credential = this.#credentialOf(request);
    return credential?.proof.kind === "address" ? undefined : credential;
  }

  #isAgent(request: FastifyRequest): boolean {
    const token = this.#agentTokens.size === 0 ? undefined : credentialsOf(request)?.secret;
    return token !== undefined && this.#agentTokens.has(digestKey(tokenDigest(token)));
  }

  #credentialOf(request: FastifyRequest): Credential | undefined {
    const token = credentialsOf(request)?.secret;
    const certificateNames = certificateNamesOf(request);
    const sender = { address: request.ip, certificateNames, ...(token !== undefined && { token }) };
    try {
      return this.#identities?.identify(sender);
    } catch (error) {
      if (error instanceof UnauthorizedError) return undefined;
      throw error;
    }
  }
}

const forAgents =
  "this credential is an agent's, from agent_configs: with it narthex agent is scraped, and nothing else can be done";

const forPushing =
  "this credential is a device's, from push_configs: it may push, and neither read nor change anything else; " +
  "read with a user of basic_auth_users, or without the credential where there are no users";

function assertLocal(request: FastifyRequest): void {
  if (isLoopback(request.ip)) return;
  throw new ForbiddenError(
    `without basic_auth_users only this machine may import, and the request came from ${request.ip}; ` +
      "add users to the file of --web.config.file, or push instead",
  );
}
