/**
 * Certificates for tests of TLS: an authority of its own and what it has signed, made anew by openssl.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends Certificate {
  /** For a host name and 127.0.0.1, or for a client. */
  sign(commonName: string): Certificate;
}

/** Undefined when openssl is not installed. */
export function createAuthority(): Authority | undefined {
  if (spawnSync("openssl", ["version"]).status !== 0) return undefined;
  const [cert, key] = run(["-subj", "/CN=Test authority"], undefined);
  const authority = { cert: cert!, key: key! };
  return {
    ...authority,
    sign(commonName) {
      const names = `subjectAltName=DNS:${commonName},IP:127.0.0.1`;
      const [signed, signedKey] = run(["-subj", `/CN=${commonName}`, "-addext", names], authority);
      return { cert: signed!, key: signedKey! };
    },
  };
}

function run(details: readonly string[], authority: Certificate | undefined): readonly string[] {
  const directory = mkdtempSync(join(tmpdir(), "narthex-certificates-"));
  const path = (name: string) => join(directory, name);
  try {
    const signing = [
      "-CA",
      path("ca.pem"),
      "-CAkey",
      path("ca.key"),
      "-addext",
      "basicConstraints=critical,CA:FALSE",
    ];
    if (authority !== undefined) {
      writeFileSync(path("ca.pem"), authority.cert);
      writeFileSync(path("ca.key"), authority.key);
    }
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    const files = ["-keyout", path("new.key"), "-out", path("new.pem")];
    const made = spawnSync("openssl", [
      "req",
      "-x509",
      ...curve,
      ...files,
      ...details,
      ...(authority ? signing : []),
    ]);
    if (made.status !== 0) throw new TypeError(`openssl failed: ${made.stderr}`);
    return [readFileSync(path("new.pem"), "utf8"), readFileSync(path("new.key"), "utf8")];
  } finally {
    rmSync(directory, { recursive: true });
  }
}
