import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Access, type AccessRules } from "../../src/http/access.js";
import { Origins } from "../../src/http/origins.js";
import { AnchoredRegExp } from "../../src/model/anchored-regexp.js";
import { systemClock } from "../../src/model/clock.js";
import { testApp } from "./test-app.js";

// Of "password", with the lowest cost.
const HASH = "$2b$04$RCEWJubomEZghLl5Ffx60u8deSy9mHPgO7TUfeMget.bSxx2rKD8O";
const users = new Map([["alice", HASH]]);
const devices: AccessRules["pushConfigs"] = [
  { jobName: "g", tokens: [{ token: "device" }], addresses: [{ cidr: "10.0.0.0/8" }], intervalMs: 60_000 },
];

interface Asked {
  readonly headers?: Record<string, string>;
  readonly remoteAddress?: string;
  readonly payload?: string;
}

function appWith(rules: Partial<AccessRules>, origins?: Origins) {
  const access = new Access(systemClock, origins);
  access.configure({ pushConfigs: [], users: new Map(), headers: {}, ...rules });
  const { app, database, events } = testApp({}, { access, enableAdminApi: true, reload: async () => {} });
  const ask = async (method: "GET" | "POST" | "DELETE" | "OPTIONS", url: string, asked: Asked = {}) => {
    await database.sources.configure(rules.pushConfigs ?? []);
    const response = await app.inject({ method, url, ...(method === "POST" && { payload: "" }), ...asked });
    return { status: response.statusCode, headers: response.headers, text: response.body };
  };
  return { ask, database, events };
}

const bearer = (token: string): Asked => ({ headers: { authorization: `Bearer ${token}` } });
const basic = (user: string, password: string): Asked => ({
  headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` },
});

const push = ["POST", "/api/v1/import/prometheus"] as const;
const read = ["GET", "/api/v1/labels"] as const;
const bulk = ["POST", "/api/v1/import/csv"] as const;
const remove = ["POST", "/api/v1/admin/tsdb/clean_tombstones"] as const;
const reload = ["POST", "/-/reload"] as const;
const all = [push, read, bulk, remove, reload];

describe("without configuration", () => {
  it("this machine may do everything, and others may read", async () => {
    const { ask } = appWith({});
    const statuses = async (asked: Asked) => {
      const answers: number[] = [];
      for (const [method, url] of all) answers.push((await ask(method, url, asked)).status);
      return answers;
    };
    // An empty CSV imports nothing, which is a mistake.
    expect(await statuses({})).toEqual([204, 200, 400, 204, 200]);
    expect(await statuses({ remoteAddress: "192.0.2.1" })).toEqual([403, 200, 403, 204, 200]);
  });
});

describe("an agent of agent_configs", () => {
  it("may do nothing else with its token, on a server that is open to all", async () => {
    const agentTokens = [createHash("sha256").update("agent").digest()];
    const { ask } = appWith({ agentTokens });
    for (const [method, url] of all) {
      const answer = await ask(method, url, bearer("agent"));
      expect([answer.status, answer.text]).toEqual([403, expect.stringContaining("is an agent's")]);
    }
    expect((await ask(...read, basic("any", "agent"))).status).toBe(403);
    expect((await ask(...read, bearer("another"))).status).toBe(200);
    expect((await ask("GET", "/-/healthy", bearer("agent"))).status).toBe(200);
  });
});

describe("a device of push_configs", () => {
  it("may push, and nothing else", async () => {
    const { ask } = appWith({ pushConfigs: devices });
    expect((await ask(...push, bearer("device"))).status).toBe(204);
    expect((await ask(...push, basic("anyone", "device"))).status).toBe(204);
    expect((await ask(...push, { headers: { authorization: "Token device" } })).status).toBe(204);
    for (const [method, url] of all.slice(1)) {
      const answer = await ask(method, url, bearer("device"));
      expect([answer.status, answer.text]).toEqual([
        403,
        expect.stringContaining("it may push, and neither read"),
      ]);
    }
    expect((await ask("GET", "/api/v1/sources", bearer("device"))).status).toBe(403);
  });

  it("may show its token as InfluxDB's clients do, and no log has it", async () => {
    const { ask, database, events } = appWith({ pushConfigs: devices });
    expect((await ask("POST", "/write?u=any&p=device")).status).toBe(204);
    expect((await ask("POST", "/write?u=any&p=wrong")).status).toBe(401);
    database.answerCommit = () => {
      throw new TypeError("a bug");
    };
    expect((await ask("POST", "/write?db=x&p=device", { payload: "room celsius=1" })).status).toBe(500);
    expect(events).toHaveLength(1);
    expect(JSON.stringify(events)).not.toContain("device");
  });

  it("needs no user where there are users", async () => {
    const { ask } = appWith({ pushConfigs: devices, users });
    expect((await ask(...push, bearer("device"))).status).toBe(204);
    expect((await ask(...read, bearer("device"))).status).toBe(403);
    expect((await ask(...push, bearer("wrong"))).status).toBe(401);
  });

  it("is told how often the configuration wants it to push, also with a refusal", async () => {
    const { ask } = appWith({ pushConfigs: devices });
    expect((await ask(...push, bearer("device"))).headers["x-push-interval"]).toBe("1m");
    const malformed = await ask("POST", "/api/v1/push?time_unit=x", bearer("device"));
    expect([malformed.status, malformed.headers["x-push-interval"]]).toEqual([400, "1m"]);
    expect((await ask(...push, bearer("wrong"))).headers["x-push-interval"]).toBe(undefined);
  });

  it("is no device by its address alone", async () => {
    const { ask } = appWith({ pushConfigs: devices });
    expect((await ask(...push, { remoteAddress: "10.1.2.3" })).status).toBe(204);
    expect((await ask(...read, { remoteAddress: "10.1.2.3" })).status).toBe(200);
  });

  it("may ask whether the server lives", async () => {
    const { ask } = appWith({ pushConfigs: devices, users });
    for (const path of ["/ping", "/health", "/-/healthy", "/-/ready", "/query?q=SHOW DATABASES"])
      expect((await ask("GET", path.replaceAll(" ", "%20"), bearer("device"))).status).toBeLessThan(300);
  });
});

describe("users", () => {
  it("are asked for wherever there are some, and are let in with their password", async () => {
    const { ask } = appWith({ users });
    for (const [method, url] of all) {
      const refused = await ask(method, url, { remoteAddress: "127.0.0.1" });
      expect([refused.status, refused.headers["www-authenticate"]]).toEqual([
        401,
        expect.stringMatching(/^Basic /),
      ]);
      expect((await ask(method, url, basic("alice", "wrong"))).status).toBe(401);
      expect((await ask(method, url, basic("bob", "password"))).status).toBe(401);
      expect([200, 204, 400]).toContain((await ask(method, url, basic("alice", "password"))).status);
    }
    expect((await ask(...bulk, { ...basic("alice", "password"), remoteAddress: "192.0.2.1" })).status).toBe(
      400,
    );
    expect((await ask("GET", "/")).status).toBe(401);
  });

  it("are not shown in any answer", async () => {
    const { ask } = appWith({ users });
    const { text } = await ask(...read, basic("alice", "s3cret"));
    expect(text).toContain("the user or the password is wrong");
    expect(text).not.toContain("s3cret");
  });

  it("that guess keep no one waiting for long: few guesses wait at a time", async () => {
    const { ask } = appWith({ users });
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => ask(...read, basic("alice", `no${i}`))),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(20);
    expect((await ask(...read, basic("alice", "password"))).status).toBe(200);
  });
});

describe("a page of another site", () => {
  const evil = { headers: { origin: "https://evil.example" } };

  it("changes nothing", async () => {
    const { ask } = appWith({});
    for (const [method, url] of [push, bulk, remove, reload, ["DELETE", "/api/v1/push"] as const]) {
      for (const origin of ["https://evil.example", "null", "http://localhost:9999"]) {
        const answer = await ask(method, url, { headers: { origin } });
        expect([answer.status, answer.text]).toEqual([403, expect.stringContaining("--web.cors.origin")]);
      }
    }
  });

  it("is not shown what it asks for", async () => {
    const { ask } = appWith({});
    const answer = await ask(...read, evil);
    expect([answer.status, answer.headers["access-control-allow-origin"]]).toEqual([200, undefined]);
  });

  it("may do both when --web.cors.origin says so", async () => {
    const { ask } = appWith({}, new Origins(new AnchoredRegExp("https://(grafana|evil)\\.example")));
    expect((await ask(...push, evil)).status).toBe(204);
    const answer = await ask(...read, evil);
    expect(answer.headers["access-control-allow-origin"]).toBe("https://evil.example");
    expect(answer.headers.vary).toBe("Origin");
    const preflight = await ask("OPTIONS", "/api/v1/query", evil);
    expect([preflight.status, preflight.headers["access-control-allow-methods"]]).toEqual([
      204,
      expect.stringContaining("POST"),
    ]);
    expect((await ask(...push, { headers: { origin: "https://evil.example.org" } })).status).toBe(403);
  });

  it("is ours when its host is the one that was asked", async () => {
    const { ask } = appWith({});
    const own = { headers: { origin: "http://127.0.0.1:9090", host: "127.0.0.1:9090" } };
    expect((await ask(...push, own)).status).toBe(204);
    expect(
      (await ask(...push, { headers: { origin: "http://127.0.0.1:9091", host: "127.0.0.1:9090" } })).status,
    ).toBe(403);
  });
});
