/**
 * Credentials as the official client finds them: in a file of kubectl, from a program, in a pod.
 */

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  missingClient,
  OfficialAccess,
  type OfficialAccessConfig,
} from "../../../src/discovery/kubernetes/official-access.js";
import { createAuthority } from "../../support/certificates.js";
import { HttpServers } from "../../support/http-servers.js";
import { KubernetesServer } from "../../support/kubernetes-server.js";

const authority = createAuthority();
const directory = mkdtempSync(join(tmpdir(), "narthex-kubeconfig-"));
const file = join(directory, "config");
let server: KubernetesServer;

beforeEach(async () => {
  server = new KubernetesServer(authority?.sign("kubernetes"));
  server.authorization = "Bearer secret";
  await server.listen();
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function put(name: string, text: string): string {
  const path = join(directory, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

/** Writes a file of kubectl. */
function configure(user: unknown, cluster: Record<string, unknown> = {}): void {
  put("ca.pem", authority?.cert ?? "");
  const config = {
    "current-context": "c",
    contexts: [{ name: "c", context: { cluster: "k", user: "u" } }],
    clusters: [{ name: "k", cluster: { server: server.url, "certificate-authority": "ca.pem", ...cluster } }],
    users: user === undefined ? [] : [{ name: "u", user }],
  };
  put("config", JSON.stringify(config));
}

const kubeconfig: OfficialAccessConfig = { kind: "kubeconfig", file };

async function get(access: OfficialAccess, path = "/version"): Promise<number | undefined> {
  const { signal } = new AbortController();
  const response = await access.request(path, { headers: { accept: "application/json" }, signal });
  response.resume();
  return response.statusCode;
}

describe.skipIf(authority === undefined)("access by a file of kubectl", () => {
  it("takes a token from the file, and reads the file again when it is refused", async () => {
    configure({ token: "old" });
    const access = new OfficialAccess(kubeconfig);
    expect(await get(access)).toBe(401);
    configure({ token: "secret" });
    expect(await get(access)).toBe(200);
    expect(await get(access, "/api/v1/pods")).toBe(200);
  });

  it("takes a token from a program", async () => {
    const credential = {
      apiVersion: "client.authentication.k8s.io/v1",
      kind: "ExecCredential",
      status: { token: "secret", expirationTimestamp: "2099-01-01T00:00:00Z" },
    };
    const program = put("token.sh", `#!/bin/sh\necho '${JSON.stringify(credential)}'\n`);
    chmodSync(program, 0o755);
    configure({ exec: { apiVersion: credential.apiVersion, command: program, interactiveMode: "Never" } });
    expect(await get(new OfficialAccess(kubeconfig))).toBe(200);
  });

  it("shows a certificate, or a password", async () => {
    const { cert, key } = authority!.sign("me");
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    configure({ "client-certificate-data": base64(cert), "client-key-data": base64(key), token: "secret" });
    expect(await get(new OfficialAccess(kubeconfig))).toBe(200);
    server.authorization = `Basic ${base64("u:p")}`;
    configure({ username: "u", password: "p" });
    expect(await get(new OfficialAccess(kubeconfig))).toBe(200);
  });

  it("trusts only the authority of the file, also when nobody asks", async () => {
    configure(undefined);
    server.authorization = undefined;
    expect(await get(new OfficialAccess(kubeconfig))).toBe(200);
    configure({ token: "secret" }, { "certificate-authority": undefined });
    await expect(get(new OfficialAccess(kubeconfig))).rejects.toThrow("certificate");
    configure({ token: "secret" }, { "certificate-authority": undefined, "insecure-skip-tls-verify": true });
    expect(await get(new OfficialAccess(kubeconfig))).toBe(200);
  });

  it("sends no credentials where anybody can read them, as kubectl does not", async () => {
    const plain = new KubernetesServer();
    const url = await plain.listen();
    configure({ token: "secret" }, { server: `${url}/prefix/` });
    expect(await get(new OfficialAccess(kubeconfig), "/api/v1/pods")).toBe(404);
    expect(plain.requests).toMatchObject([{ path: "/prefix/api/v1/pods", authorization: undefined }]);
    await plain.close();
  });

  it("goes through the proxy of the file", async () => {
    const servers = new HttpServers();
    const asked: string[] = [];
    const proxy = await servers.proxy(
      (_, response) => response.writeHead(400).end(),
      (place) => {
        asked.push(place);
        return true;
      },
    );
    configure({ token: "secret" }, { "proxy-url": proxy });
    expect(await get(new OfficialAccess(kubeconfig))).toBe(200);
    expect(asked).toEqual([new URL(server.url).host]);
    servers.close();
  });

  it("says what is wrong with the file, and nothing that is secret", async () => {
    const problem = (access: OfficialAccess) =>
      get(access).then(
        () => "none",
        (error: unknown) => (error as Error).message,
      );
    const access = new OfficialAccess(kubeconfig);
    rmSync(file);
    expect(await problem(access)).toMatch(/^no credentials for Kubernetes: ENOENT: .*config/);
    put("config", "users:\n- user: { token: secret\n  broken\n");
    expect(await problem(access)).toMatch(/^no credentials for Kubernetes: .*\(\d+:\d+\)$/);
    put("config", "clusters: []\ncontexts: []\nusers: []\ncurrent-context: c\n");
    expect(await problem(access)).toBe("the current context of kubeconfig names no cluster that is there");
    configure({ exec: { apiVersion: "client.authentication.k8s.io/v1", command: "/no/such/program" } });
    expect(await problem(access)).toContain("no credentials for Kubernetes");
    configure({ token: "secret" });
    expect(await problem(access)).toBe("none");
  });
});

describe.skipIf(authority === undefined)("access from a pod", () => {
  const account = "var/run/secrets/kubernetes.io/serviceaccount";

  it("takes the service account, and a token that was renewed", async () => {
    put(`${account}/ca.crt`, authority!.cert);
    put(`${account}/token`, "old");
    vi.stubEnv("KUBERNETES_SERVICE_HOST", "127.0.0.1");
    vi.stubEnv("KUBERNETES_SERVICE_PORT", String(server.port));
    const access = new OfficialAccess({ kind: "in-cluster" }, directory);
    expect(await get(access)).toBe(401);
    put(`${account}/token`, "secret");
    expect(await get(access)).toBe(200);
  });

  it("says that it is in no pod", async () => {
    vi.stubEnv("KUBERNETES_SERVICE_HOST", undefined);
    const access = new OfficialAccess({ kind: "in-cluster" }, directory);
    await expect(get(access)).rejects.toThrow("this is no pod of a cluster");
  });
});

describe("the official client", () => {
  it("is installed, or it is said how", () => {
    expect(missingClient()).toBe(undefined);
    expect(
      missingClient(() => {
        throw new Error("not found");
      }),
    ).toContain("npm install @kubernetes/client-node");
  });
});
