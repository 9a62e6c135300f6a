/**
 * Origins: what web pages of other sites may do with this server. A browser sends their requests from inside, past
 * every firewall, and says in `Origin` whose page it is.
 *
 * A page of another origin changes nothing and reads nothing, unless `--web.cors.origin` names it. Programs send no
 * Origin; Grafana's server does not either. A page that got its address to be ours (DNS rebinding) has a host name
 * that is not this machine's: over the loopback interface such a name counts as another site.
 *
 * Source: the Fetch standard, section 3 (CORS); RFC 6454.
 */

import { isIP } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import { isLoopback } from "../ingest/source/ip-address.js";
import type { AnchoredRegExp } from "../model/anchored-regexp.js";
import { ForbiddenError } from "../model/errors.js";

export class Origins {
  readonly #allowed: AnchoredRegExp | undefined;

  /** `allowed` matches whole origins, as `https://grafana.example.org`. */
  constructor(allowed?: AnchoredRegExp) {
    this.#allowed = allowed;
  }

  /** Throws ForbiddenError when another site's page asks for a change. */
  checkChange(request: FastifyRequest): void {
    const { origin } = request.headers;
    if (origin === undefined || this.#allows(origin) || isOwn(origin, request)) return;
    throw new ForbiddenError(
      `a page of ${JSON.stringify(origin.slice(0, 200))} may not change anything here; ` +
        "start the server with --web.cors.origin to allow it",
    );
  }

  /** Lets the browser show the reply to the page, if it may. */
  allowReading({ headers: { origin } }: FastifyRequest, reply: FastifyReply): void {
    if (this.#allowed === undefined) return;
    reply.header("vary", "Origin");
    if (origin === undefined || !this.#allows(origin)) return;
    reply.header("access-control-allow-origin", origin);
    reply.header("access-control-expose-headers", "Date, X-Push-Interval");
    reply.header("access-control-allow-methods", "GET, POST, PUT, DELETE, OPTIONS");
    reply.header(
      "access-control-allow-headers",
      "Accept, Authorization, Content-Type, Content-Encoding, Origin, X-Push-Interval, X-Push-Staleness, X-Push-State",
    );
  }

  #allows(origin: string): boolean {
    return this.#allowed?.matches(origin) === true;
  }
}

function isOwn(origin: string, { headers, raw }: FastifyRequest): boolean {
  if (!URL.canParse(origin)) return false;
  const { host, hostname } = new URL(origin);
  if (host === "" || host !== headers.host?.toLowerCase()) return false;
  return !isLoopback(raw.socket.localAddress ?? "") || isNameOfLoopback(hostname);
}

/** An address cannot be rebound; a name can. */
function isNameOfLoopback(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, "");
  return isIP(bare) !== 0 || bare === "localhost" || bare.endsWith(".localhost");
}
