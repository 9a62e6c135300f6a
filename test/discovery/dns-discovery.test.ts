import type { ResolverOptions } from "node:dns";
import { Resolver } from "node:dns/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDiscovery } from "../../src/discovery/create-discovery.js";
import { type DiscoveryEvent, type TargetGroup, targetsOf } from "../../src/discovery/discovery.js";
import type { DnsDiscoveryConfig } from "../../src/discovery/discovery-config.js";
import { dnsLookout } from "../../src/discovery/dns-discovery.js";
import { systemClock } from "../../src/model/clock.js";
import { DnsServer } from "../support/dns-server.js";
import { eventually } from "../support/eventually.js";

let server: DnsServer;
let resolver: Resolver;

beforeEach(async () => {
  server = await DnsServer.start();
  // It asks again, later and later: the test's server answers in its turn, which a busy machine delays.
  useResolver({ timeout: 2000, tries: 4 });
});

function useResolver(options: ResolverOptions): void {
  resolver = new Resolver(options);
  resolver.setServers([server.address]);
}

afterEach(() => server.close());

/** Once each, though it may have been asked again. */
const asked = () => [...new Set(server.asked)];

/** One look: what was told by source, and what failed. */
async function look(changes: Partial<DnsDiscoveryConfig>, resolvConf = "") {
  const config = {
    kind: "dns",
    names: ["h.test"],
    type: "A",
    port: 9100,
    refreshIntervalMs: 30_000,
    ...changes,
  } as const;
  const found: Record<string, string[]> = {};
  const readResolvConf = async () => resolvConf;
  const problems = await dnsLookout(config, { createResolver: () => resolver, readResolvConf }).look(
    (source: string, groups: readonly TargetGroup[]) => {
      found[source] = [...targetsOf(groups)].map(String);
    },
    new AbortController().signal,
  );
  return { found, problems };
}

describe("targets in the domain name system", () => {
  it("are addresses", async () => {
    server.answers.set("h.test A", [{ cname: "x.test" }, { a: "10.0.0.2" }, { a: "10.0.0.1" }]);
    server.answers.set("h.test AAAA", [
      { aaaa: [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] },
      { aaaa: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 7] },
    ]);
    expect((await look({})).found).toEqual({
      "h.test": [
        '{__address__="10.0.0.1:9100", __meta_dns_name="h.test"}',
        '{__address__="10.0.0.2:9100", __meta_dns_name="h.test"}',
      ],
    });
    expect((await look({ type: "AAAA" })).found).toEqual({
      "h.test": [
        '{__address__="10.0.0.7:9100", __meta_dns_name="h.test"}',
        '{__address__="[2001:db8::1]:9100", __meta_dns_name="h.test"}',
      ],
    });
  });

  it("are services, mail exchangers and name servers, with the names of their records", async () => {
    server.answers.set("_p._tcp.test SRV", [
      { srv: "a.test.", port: 80 },
      { srv: "b.test.", port: 81 },
    ]);
    server.answers.set("h.test MX", [{ mx: "mail.test." }]);
    server.answers.set("h.test NS", [{ ns: "ns.test." }]);
    expect((await look({ type: "SRV", names: ["_p._tcp.test"], port: 0 })).found["_p._tcp.test"]).toEqual([
      '{__address__="a.test:80", __meta_dns_name="_p._tcp.test", __meta_dns_srv_record_port="80", __meta_dns_srv_record_target="a.test."}',
      '{__address__="b.test:81", __meta_dns_name="_p._tcp.test", __meta_dns_srv_record_port="81", __meta_dns_srv_record_target="b.test."}',
    ]);
    expect((await look({ type: "MX" })).found["h.test"]).toEqual([
      '{__address__="mail.test:9100", __meta_dns_mx_record_target="mail.test.", __meta_dns_name="h.test"}',
    ]);
    expect((await look({ type: "NS" })).found["h.test"]).toEqual([
      '{__address__="ns.test:9100", __meta_dns_name="h.test", __meta_dns_ns_record_target="ns.test."}',
    ]);
  });

  it("are none for a name that does not exist, or has no such record", async () => {
    server.answers.set("empty.test A", []);
    expect(await look({ names: ["h.test", "empty.test"] })).toEqual({
      found: { "h.test": [], "empty.test": [] },
      problems: [],
    });
  });

  it("stay as they were for names that no server answers for", async () => {
    server.answers.set("good.test A", [{ a: "10.0.0.1" }]);
    server.answers.set("bad.test A", "SERVFAIL");
    const { found, problems } = await look({ names: ["good.test", "bad.test"] });
    expect(found).toEqual({ "good.test": ['{__address__="10.0.0.1:9100", __meta_dns_name="good.test"}'] });
    expect(problems).toEqual(["bad.test: the server failed (SERVFAIL)"]);
    server.answers.set("mute.test A", "silence");
    useResolver({ timeout: 100, tries: 1 });
    expect(await look({ names: ["mute.test"] })).toEqual({
      found: {},
      problems: ["mute.test: no server answered in time"],
    });
  });

  it("are looked up by the search list", async () => {
    const resolvConf = "nameserver 127.0.0.1\nsearch one.test two.test.\noptions timeout:1 ndots:2\n";
    server.answers.set("h.two.test A", [{ a: "10.0.0.1" }]);
    expect((await look({ names: ["h"] }, resolvConf)).found.h).toEqual([
      '{__address__="10.0.0.1:9100", __meta_dns_name="h"}',
    ]);
    expect(asked()).toEqual(["h.one.test A", "h.two.test A"]);
    server.asked.length = 0;
    await look({ names: ["a.b.c"] }, resolvConf);
    expect(asked()).toEqual(["a.b.c A", "a.b.c.one.test A", "a.b.c.two.test A"]);
    server.asked.length = 0;
    await look({ names: ["rooted."] }, resolvConf);
    expect(asked()).toEqual(["rooted A"]);
  });

  it("come, fail, come back and go, as long as somebody looks", async () => {
    const events: DiscoveryEvent[] = [];
    let found: string[] = [];
    const discovery = createDiscovery(
      { kind: "dns", names: ["h.test"], type: "A", port: 9100, refreshIntervalMs: 50 },
      {
        clock: systemClock,
        readFile: async () => "",
        version: "1",
        createResolver: () => resolver,
        onEvent: (event) => events.push(event),
      },
    );
    discovery.run((_, groups) => {
      found = [...targetsOf(groups)].map((labels) => labels.get("__address__"));
    });
    const become = (...expected: string[]) => eventually(() => expect(found).toEqual(expected));
    try {
      server.answers.set("h.test A", [{ a: "10.0.0.1" }]);
      await become("10.0.0.1:9100");
      server.answers.set("h.test A", "SERVFAIL");
      await eventually(() => expect(discovery.status.lastError).toContain("SERVFAIL"));
      expect(found).toEqual(["10.0.0.1:9100"]);
      server.answers.set("h.test A", [{ a: "10.0.0.1" }, { a: "10.0.0.3" }]);
      await become("10.0.0.1:9100", "10.0.0.3:9100");
      server.answers.delete("h.test A");
      await become();
      expect(events.map(({ level }) => level)).toEqual(["warning", "info"]);
    } finally {
      await discovery.stop();
    }
  });

  it("stay as they were when one candidate failed and none exists", async () => {
    server.answers.set("h.one.test A", "SERVFAIL");
    const { found, problems } = await look({ names: ["h"] }, "search one.test");
    expect(found).toEqual({});
    expect(problems).toEqual(["h: the server failed (SERVFAIL)"]);
  });
});
