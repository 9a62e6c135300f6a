/**
 * describeFailure, describeStatus: why a request came to nothing, with the key of the configuration that would change it.
 * What the system said stands at the end, for who looks it up.
 */

import { TsdbError } from "../model/errors.js";
import type { HttpClientConfig } from "./http-client-config.js";
import { cutShort } from "./response-body.js";

/** The failure of several attempts is that of the first. */
export function describeFailure(failure: unknown): string {
  const cause = failure instanceof AggregateError ? failure.errors[0] : failure;
  if (!(cause instanceof Error)) return String(cause);
  if (cause instanceof TsdbError) return cause.message;
  if (cause.message === "aborted") return cutShort;
  const tls = describeTlsFailure(cause);
  if (tls !== undefined) return tls;
  const meaning = meanings.get(String((cause as SystemFailure).code));
  return meaning === undefined ? cause.message : `${meaning}: ${cause.message}`;
}

/** Whether no connection came about: nothing of a reply was seen. */
export function isUnreachable(failure: unknown): boolean {
  const cause = failure instanceof AggregateError ? failure.errors[0] : failure;
  const { syscall } = (cause ?? {}) as SystemFailure;
  return syscall === "connect" || syscall === "getaddrinfo";
}

/** Of a reply that is no page. */
export function describeStatus(
  status: number | undefined,
  statusText: string | undefined,
  { followRedirects, proxy }: Pick<HttpClientConfig, "followRedirects" | "proxy">,
): string {
  const said = `server returned HTTP status ${status} ${statusText ?? ""}`.trimEnd();
  const isUnfollowed = [301, 302, 303, 307, 308].includes(status ?? 0) && !followRedirects;
  const isOfProxy = [500, 502, 503, 504].includes(status ?? 0) && proxy !== undefined;
  const remedy = isUnfollowed
    ? "follow_redirects is false"
    : isOfProxy
      ? "the proxy of proxy_url may have said so"
      : remedies.get(status ?? 0);
  return remedy === undefined ? said : `${said}; ${remedy}`;
}

interface SystemFailure extends Error {
  readonly code?: unknown;
  readonly syscall?: string;
}

/** By the system's codes. */
const meanings: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "nothing takes connections there"],
  ["ECONNRESET", "the connection was broken off"],
  ["EPIPE", "the connection was broken off"],
  ["ENOTFOUND", "the name is not known here"],
  ["EAI_AGAIN", "the name could not be looked up, no DNS server answered"],
  ["ETIMEDOUT", "nobody answers there; a firewall may be in between"],
  ["EHOSTUNREACH", "there is no way to that machine"],
  ["ENETUNREACH", "there is no way to that network"],
]);

const credentials = "basic_auth, authorization and oauth2 say who asks";

const remedies: ReadonlyMap<number, string> = new Map([
  [401, credentials],
  [403, credentials],
  [404, "metrics_path, or url of a discovery, says what to ask for"],
  [407, "the proxy wants to know who asks: name and password stand in proxy_url"],
]);

/** OpenSSL says neither whom it would have to trust, nor whom it has found, nor that there is no TLS at all. */
function describeTlsFailure({ code, cert, host, message }: TlsFailure): string | undefined {
  const name = typeof code === "string" ? code : "";
  if (name === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const names = cert?.subjectaltname ?? "no name at all";
    return `the certificate is for ${names} and not for ${host}; server_name says whom to expect`;
  }
  if (unknownAuthority.test(name))
    return `${message}: who signed the certificate is not known here; ca_file names the authority`;
  if (name === "CERT_HAS_EXPIRED") return `${message}; whoever answers there should renew it`;
  if (name.startsWith("HPE_")) return `what answers does not speak HTTP; is it https, not http? (${message})`;
  // Messages are as `write EPROTO 80AC:error:0A00042E:SSL routines:ssl3_read_bytes:tlsv1 alert protocol version:…`.
  const told = /:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1];
  if (told === undefined) return undefined;
  const meaning = handshakes.find(([words]) => words.test(told))?.[1];
  return meaning === undefined ? `TLS failed: ${told}` : `${meaning} (${told})`;
}

/** By OpenSSL's words. */
const handshakes: readonly (readonly [words: RegExp, meaning: string])[] = [
  [/wrong version number|packet length too long/, "what answers does not speak TLS; is it http, not https?"],
  [
    /certificate required|bad certificate|certificate unknown|unknown ca|handshake failure/,
    "who asks needs a certificate that is trusted there; cert_file and key_file of tls_config give one",
  ],
  [
    /protocol version|unsupported protocol|version too/,
    "both sides speak no common version of TLS; min_version and max_version of tls_config say which we speak",
  ],
];

interface TlsFailure extends Error {
  /** Others than the system give numbers. */
  readonly code?: unknown;
  readonly cert?: { readonly subjectaltname?: string };
  readonly host?: string;
}

const unknownAuthority =
  /^(?:UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(?:_LOCALLY)?|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT)$/;
