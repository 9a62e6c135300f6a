/**
 * readHttpClient: the keys that say how servers are asked over HTTP: credentials, TLS, proxy, headers.
 *
 *   basic_auth: { username: prometheus, password_file: secret.txt }
 *   tls_config: { ca_file: ca.pem, cert_file: client.pem, key_file: client.key, server_name: node }
 *   proxy_url: http://proxy:3128
 *
 * Files are not read here: they are when they are used. No message has a secret in it.
 *
 * Source: Prometheus configuration, `<http_config>`; prometheus/common, `HTTPClientConfig.Validate`.
 */

import { proxyProtocols } from "../http-client/connections.js";
import type {
  Authorization,
  BasicAuthorization,
  HttpClientConfig,
  OAuth2Config,
  ProxyConfig,
  Secret,
  TlsClientConfig,
  TlsVersion,
  TokenAuthorization,
} from "../http-client/http-client-config.js";
import { defaultHttpClientConfig } from "../http-client/http-client-config.js";
import { type ConfigPlace, pathIn } from "./config-place.js";
import type { YamlSection } from "./yaml-section.js";

/** Throws ConfigError at the key that is wrong. */
export function readHttpClient(section: YamlSection, place: ConfigPlace): HttpClientConfig {
  // HTTP/1.1 is what we speak: every server that is asked so understands it.
  section.flag("enable_http2");
  return {
    authorization: readAuthorization(section, place),
    tls: readTls(section, place),
    proxy: readProxy(section, place),
    headers: readHeaders(section, place),
    followRedirects: section.flag("follow_redirects") ?? true,
  };
}

function readAuthorization(section: YamlSection, place: ConfigPlace): Authorization | undefined {
  // A key without a value is as if it were not there, as in Prometheus.
  const [first, second] = [
    ...["basic_auth", "authorization", "oauth2"].filter((key) => section.section(key) !== undefined),
    ...["bearer_token", "bearer_token_file"].filter((key) => section.text(key)),
  ];
  if (second !== undefined) section.fail(second, `and ${first} must not both be given`);
  return (
    readBasic(section.section("basic_auth"), place) ??
    readToken(section.section("authorization"), place) ??
    readOAuth2(section.section("oauth2"), place) ??
    readBearer(section, place)
  );
}

function readBasic(section: YamlSection | undefined, place: ConfigPlace): BasicAuthorization | undefined {
  if (section === undefined) return undefined;
  const username = readSecret(section, "username", place) ?? { text: "" };
  const password = readSecret(section, "password", place) ?? { text: "" };
  section.finish();
  return { kind: "basic", username, password };
}

function readToken(section: YamlSection | undefined, place: ConfigPlace): TokenAuthorization | undefined {
  if (section === undefined) return undefined;
  const type = section.text("type")?.trim() || "Bearer";
  if (type.toLowerCase() === "basic") section.fail("type", 'must not be "basic": use basic_auth');
  const credentials = readSecret(section, "credentials", place);
  section.finish();
  return credentials && { kind: "token", type, credentials };
}

/** Prometheus' older words. */
function readBearer(section: YamlSection, place: ConfigPlace): TokenAuthorization | undefined {
  const credentials = readSecret(section, "bearer_token", place);
  return credentials && { kind: "token", type: "Bearer", credentials };
}

function readOAuth2(section: YamlSection | undefined, place: ConfigPlace): OAuth2Config | undefined {
  if (section === undefined) return undefined;
  const config: OAuth2Config = {
    kind: "oauth2",
    clientId: section.text("client_id") || section.fail("client_id", "must be given"),
    clientSecret: readSecret(section, "client_secret", place) ?? { text: "" },
    scopes: section.textList("scopes") ?? [],
    tokenUrl: section.text("token_url") || section.fail("token_url", "must be given"),
    endpointParams: section.texts("endpoint_params") ?? {},
    client: { ...defaultHttpClientConfig, tls: readTls(section, place), proxy: readProxy(section, place) },
  };
  section.notYet(["grant_type", "client_certificate_key_id", "client_certificate_key"], "text");
  section.notYet(["client_certificate_key_file", "signature_algorithm", "iss", "audience"], "text");
  section.notYet(["claims"], "section");
  section.finish();
  return config;
}

const versions: Readonly<Record<string, TlsVersion>> = {
  TLS10: "TLSv1",
  TLS11: "TLSv1.1",
  TLS12: "TLSv1.2",
  TLS13: "TLSv1.3",
};

function readTls(parent: YamlSection, place: ConfigPlace): TlsClientConfig {
  const section = parent.section("tls_config");
  if (section === undefined) return defaultHttpClientConfig.tls;
  const version = (key: string) => versions[section.oneOf(key, Object.keys(versions)) ?? ""];
  const [cert, key] = [readSecret(section, "cert", place), readSecret(section, "key", place)];
  if (cert !== undefined && key === undefined) section.fail("cert", "needs key or key_file");
  if (key !== undefined && cert === undefined) section.fail("key", "needs cert or cert_file");
  const tls: TlsClientConfig = {
    ca: readSecret(section, "ca", place),
    cert,
    key,
    serverName: section.text("server_name") || undefined,
    insecureSkipVerify: section.flag("insecure_skip_verify") ?? false,
    minVersion: version("min_version") ?? defaultHttpClientConfig.tls.minVersion,
    maxVersion: version("max_version"),
  };
  section.finish();
  return tls;
}

function readProxy(section: YamlSection, place: ConfigPlace): ProxyConfig | undefined {
  const url = section.text("proxy_url") || undefined;
  const noProxy = section.text("no_proxy") || undefined;
  const isOfEnvironment = section.flag("proxy_from_environment") ?? false;
  const connectHeaders = readSecretLists(section.section("proxy_connect_header"));
  if (isOfEnvironment && url !== undefined)
    section.fail("proxy_from_environment", "and proxy_url must not both be given");
  if (noProxy !== undefined && url === undefined)
    section.fail(
      "no_proxy",
      isOfEnvironment ? "and proxy_from_environment must not both be given" : "needs proxy_url",
    );
  if (Object.keys(connectHeaders).length > 0 && url === undefined && !isOfEnvironment)
    section.fail("proxy_connect_header", "needs proxy_url or proxy_from_environment");
  if (isOfEnvironment) return { ...proxiesOf(place.environment), connectHeaders };
  if (url === undefined) return undefined;
  if (!URL.canParse(url) || !proxyProtocols.has(new URL(url).protocol) || badEscape.test(url))
    section.fail("proxy_url", "must be a URL of http, https or socks5 such as http://proxy:3128");
  return { http: url, https: url, noProxy, connectHeaders };
}

/** What Go does not take in a URL, and WHATWG's URL does. */
export const badEscape = /%(?![0-9a-f]{2})/i;

/** As Go reads it: upper case first. A proxy without a scheme is one of http. */
function proxiesOf(environment: ConfigPlace["environment"]): Omit<ProxyConfig, "connectHeaders"> {
  const read = (name: string) => environment[name] || environment[name.toLowerCase()] || undefined;
  const proxy = (name: string) => {
    const text = read(name);
    return text === undefined || text.includes("://") ? text : `http://${text}`;
  };
  return { http: proxy("HTTP_PROXY"), https: proxy("HTTPS_PROXY"), noProxy: read("NO_PROXY") ?? "" };
}

function readHeaders(parent: YamlSection, place: ConfigPlace): Readonly<Record<string, readonly Secret[]>> {
  const section = parent.section("http_headers");
  const headers: Record<string, readonly Secret[]> = {};
  for (const name of section?.keys() ?? []) {
    if (ownHeaders.has(name.toLowerCase())) section!.fail(name, "is a header that is set otherwise");
    const values = section!.section(name);
    headers[name] = [
      ...(values?.textList("values") ?? []).map((text) => ({ text })),
      ...(values?.textList("secrets") ?? []).map((text) => ({ text })),
      ...(values?.textList("files") ?? []).map((path) => ({ file: pathIn(place, path) ?? "" })),
    ];
    values?.finish();
  }
  return headers;
}

/** Source: prometheus/common, `ReservedHeaders`. */
const ownHeaders: ReadonlySet<string> = new Set([
  ...[
    "authorization",
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
  ],
  ...["keep-alive", "proxy-authenticate", "proxy-authorization", "www-authenticate", "accept-encoding"],
  ...["x-prometheus-remote-write-version", "x-prometheus-remote-read-version"],
  ...["x-prometheus-scrape-timeout-seconds", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"],
]);

function readSecretLists(section: YamlSection | undefined): Readonly<Record<string, readonly Secret[]>> {
  const names = section?.keys() ?? [];
  return Object.fromEntries(
    names.map((name) => [name, (section!.textList(name) ?? []).map((text) => ({ text }))]),
  );
}

/** `key` itself, or the file that `key`_file names; not both. */
function readSecret(section: YamlSection, key: string, place: ConfigPlace): Secret | undefined {
  const text = section.text(key) || undefined;
  const file = pathIn(place, section.text(`${key}_file`));
  if (text !== undefined && file !== undefined) section.fail(key, `and ${key}_file must not both be given`);
  if (file !== undefined) return { file };
  return text === undefined ? undefined : { text };
}
