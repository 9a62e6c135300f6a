/**
 * Credentials: what a request shows of who sends it: a token, a user with a password, a verified client certificate.
 *
 * Source: RFC 6750 section 2.1, RFC 7617 section 2; InfluxData, "InfluxDB API reference" (`Token`, `?u=&p=`).
 */

import { type PeerCertificate, TLSSocket } from "node:tls";
import type { FastifyRequest } from "fastify";

export interface Credentials {
  /** Undefined for a token. */
  readonly user: string | undefined;
  /** The token, or the password. */
  readonly secret: string;
}

/** Undefined when the request shows none. */
export function credentialsOf({ headers, url }: FastifyRequest): Credentials | undefined {
  const { authorization } = headers;
  if (authorization === undefined) return influxCredentials(url);
  const [, scheme = "", text = ""] = /^(\S+) +(\S+) *$/.exec(authorization) ?? [];
  switch (scheme.toLowerCase()) {
    case "bearer":
    case "token":
      return { user: undefined, secret: text };
    case "basic": {
      const pair = Buffer.from(text, "base64").toString();
      const colon = pair.indexOf(":");
      return colon < 0 ? undefined : { user: pair.slice(0, colon), secret: pair.slice(colon + 1) };
    }
    default:
      return influxCredentials(url);
  }
}

/** Of InfluxDB 1, whose clients may have no way to send a header. */
function influxCredentials(url: string): Credentials | undefined {
  if (!url.startsWith("/write?")) return undefined;
  const parameters = new URLSearchParams(url.slice(url.indexOf("?")));
  const secret = parameters.get("p");
  return secret === null ? undefined : { user: parameters.get("u") ?? "", secret };
}

/** The common name and the alternative names of a client certificate that our authority has signed. */
export function certificateNamesOf(request: FastifyRequest): readonly string[] {
  const { socket } = request.raw;
  if (!(socket instanceof TLSSocket) || !socket.authorized) return [];
  let names = namesBySocket.get(socket);
  if (names === undefined) {
    names = namesIn(socket.getPeerCertificate());
    namesBySocket.set(socket, names);
  }
  return names;
}

const namesBySocket = new WeakMap<TLSSocket, readonly string[]>();

/** `subjectaltname` is `DNS:a.example, IP Address:10.0.0.1, DNS:"with, comma"`. */
function namesIn({ subject, subjectaltname = "" }: Partial<PeerCertificate>): readonly string[] {
  const common: string | readonly string[] = subject?.CN ?? [];
  const alternatives = [...subjectaltname.matchAll(/[^:,]+:("(?:[^"\\]|\\.)*"|[^,]*)/g)].map(
    ([, text = ""]) => (text.startsWith('"') ? (JSON.parse(text) as string) : text),
  );
  return [...new Set([common, ...alternatives].flat())];
}
