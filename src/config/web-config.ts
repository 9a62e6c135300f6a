/**
 * WebConfig: the file of `--web.config.file`, in the words of Prometheus' exporter toolkit: how connections are
 * encrypted, who may use the API, which headers replies get.
 *
 *   tls_server_config:
 *     cert_file: server.crt                # paths are relative to this file
 *     key_file: server.key
 *     client_ca_file: devices-ca.crt
 *     client_auth_type: VerifyClientCertIfGiven
 *   basic_auth_users:
 *     alice: $2y$10$...                    # bcrypt
 *   http_server_config:
 *     headers: { Strict-Transport-Security: max-age=31536000 }
 *
 * Source: prometheus/exporter-toolkit, docs/web-configuration.md.
 */

import { dirname, resolve } from "node:path";
import { createSecureContext, type SecureContextOptions, type SecureVersion } from "node:tls";
import { readTextFile } from "../local-files.js";
import { StorageError } from "../model/errors.js";
import { openYaml } from "./yaml-file.js";
import type { YamlSection } from "./yaml-section.js";

export interface WebConfig {
  /** Undefined for plain HTTP. */
  readonly tls: TlsConfig | undefined;
  /** The bcrypt hash of each user's password. */
  readonly users: ReadonlyMap<string, string>;
  /** Of every reply. */
  readonly headers: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

export interface TlsConfig {
  /** Certificates and versions; can be exchanged while connections are open. */
  readonly context: SecureContextOptions;
  readonly clientAuth: ClientAuth;
}

/** Go's words. Names in a certificate that was not verified count for nothing. */
export const clientAuths = [
  "NoClientCert",
  "RequestClientCert",
  "RequireAnyClientCert",
  "VerifyClientCertIfGiven",
  "RequireAndVerifyClientCert",
] as const;

export type ClientAuth = (typeof clientAuths)[number];

export const emptyWebConfig: WebConfig = { tls: undefined, users: new Map(), headers: {}, warnings: [] };

/** Rejects with StorageError when the file itself cannot be read, ConfigError when it or what it names is wrong. */
export async function loadWebConfig(path: string): Promise<WebConfig> {
  const { root, warnings } = openYaml(await readTextFile(path), path, false);
  if (root === undefined) return emptyWebConfig;
  const tlsSection = root.section("tls_server_config");
  const tls = tlsSection && (await readTls(tlsSection, dirname(path)));
  const users = readUsers(root.section("basic_auth_users"));
  const server = root.section("http_server_config");
  const headers = readHeaders(server?.section("headers"));
  server?.notYet(["http2"]);
  server?.finish();
  root.notYet(["rate_limit"]);
  root.finish();
  return { tls, users, headers, warnings: warnings() };
}

const versions: Readonly<Record<string, SecureVersion>> = {
  TLS10: "TLSv1",
  TLS11: "TLSv1.1",
  TLS12: "TLSv1.2",
  TLS13: "TLSv1.3",
};

async function readTls(section: YamlSection, directory: string): Promise<TlsConfig> {
  const version = (key: string) => versions[section.oneOf(key, Object.keys(versions)) ?? ""];
  const pem = async (key: string): Promise<string | undefined> => {
    const inline = section.text(key);
    const path = section.text(`${key}_file`);
    if (inline !== undefined && path !== undefined)
      section.fail(key, `and ${key}_file must not both be given`);
    if (path === undefined) return inline;
    return readTextFile(resolve(directory, path)).catch((error: unknown) => {
      if (!(error instanceof StorageError)) throw error;
      return section.fail(`${key}_file`, `cannot be used: ${error.message}`);
    });
  };
  const [cert, key, ca] = [await pem("cert"), await pem("key"), await pem("client_ca")];
  const clientAuth = section.oneOf("client_auth_type", clientAuths) ?? "NoClientCert";
  const minVersion = version("min_version") ?? "TLSv1.2";
  const maxVersion = version("max_version");
  section.notYet([
    "cipher_suites",
    "prefer_server_cipher_suites",
    "curve_preferences",
    "client_allowed_sans",
  ]);
  section.finish();
  if (cert === undefined) section.fail("cert_file", "must be given");
  if (key === undefined) section.fail("key_file", "must be given");
  if (clientAuth.includes("Verify") !== (ca !== undefined))
    section.fail(
      "client_auth_type",
      ca === undefined
        ? `is ${clientAuth}: client_ca_file must be given`
        : "must be VerifyClientCertIfGiven or RequireAndVerifyClientCert, since client_ca_file is given",
    );
  const context = {
    cert,
    key,
    minVersion,
    ...(maxVersion && { maxVersion }),
    ...(ca !== undefined && { ca }),
  };
  try {
    createSecureContext(context);
  } catch (error) {
    section.fail(
      "cert_file",
      `and the key are not usable: ${error instanceof Error ? error.message : error}`,
    );
  }
  return { context, clientAuth };
}

function readUsers(section: YamlSection | undefined): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  for (const name of section?.keys() ?? []) {
    const hash = section!.text(name) ?? "";
    if (!/^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/.test(hash))
      section!.fail(name, "must be a bcrypt hash, as `htpasswd -nBC 10 USER` prints it behind the colon");
    if (Number(hash.slice(4, 6)) > costMax)
      section!.fail(name, `has a cost above ${costMax}: each check would take seconds`);
    users.set(name, hash);
  }
  return users;
}

const costMax = 14;

function readHeaders(section: YamlSection | undefined): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const name of section?.keys() ?? []) {
    if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(name)) section!.fail(name, "is no name of a header");
    const value = section!.text(name) ?? "";
    if (/[^\t\x20-\x7e]/.test(value)) section!.fail(name, "has characters that a header cannot have");
    headers[name] = value;
  }
  return headers;
}
