import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { PushSender } from "../../../src/ingest/push/push.js";
import { Identities } from "../../../src/ingest/source/identities.js";
import type { PushConfig } from "../../../src/ingest/source/push-config.js";
import { compilePushJob } from "../../../src/ingest/source/push-job.js";

const configs: readonly PushConfig[] = [
  {
    jobName: "a",
    tokens: [{ token: "one" }, { name: "second", tokenSha256: createHash("sha256").update("two").digest() }],
  },
  {
    jobName: "b",
    certificates: [{ names: ["device.example", "spare.example"] }],
    addresses: [{ cidr: "10.0.0.0/8" }],
  },
  { jobName: "c", addresses: [{ cidr: "10.1.0.0/16" }, { cidr: "fd00::/8" }] },
];

describe("Identities", () => {
  const identities = new Identities(configs.map(compilePushJob));

  it.each<[string, PushSender, string]>([
    ["a token", { address: "8.8.8.8", token: "one" }, "a/token-1"],
    ["a token of which only the digest is known", { address: "8.8.8.8", token: "two" }, "second"],
    ["a token before the address", { address: "10.0.0.1", token: "one" }, "a/token-1"],
    [
      "any name of a certificate",
      { address: "8.8.8.8", certificateNames: ["x", "spare.example"] },
      "b/certificate-1",
    ],
    [
      "a certificate before the address",
      { address: "fd00::1", certificateNames: ["device.example"] },
      "b/certificate-1",
    ],
    ["the first range of addresses", { address: "::ffff:10.1.0.1" }, "b/address-2"],
    ["a range of IPv6", { address: "fd00::1" }, "c/address-2"],
  ])("knows %s", (_, sender, name) => {
    expect(identities.identify(sender)?.name).toBe(name);
  });

  it.each<[string, PushSender, string]>([
    [
      "a wrong token, even from a good address",
      { address: "10.0.0.1", token: "three" },
      "no entry of push_configs has this token",
    ],
    [
      "nobody",
      { address: "8.8.8.8" },
      "nobody in push_configs may push from 8.8.8.8 without a token; send the header",
    ],
    ["a name of no entry", { address: "8.8.8.8", certificateNames: ["evil.example"] }, "without a token"],
  ])("does not know %s", (_, sender, reason) => {
    expect(() => identities.identify(sender)).toThrow(reason);
  });

  it("lets this machine push when nothing is configured, and nobody else", () => {
    const none = new Identities([]);
    expect(none.identify({ address: "::1", token: "ignored" })).toBeUndefined();
    expect(() => none.identify({ address: "192.168.0.1" })).toThrow(
      "only this machine may push, and the push came from 192.168.0.1; add push_configs",
    );
  });

  it.each<[string, PushConfig[], string]>([
    ["a job twice", [{ jobName: "a" }, { jobName: "a" }], 'has the job "a" twice'],
    [
      "a token twice",
      [
        { jobName: "a", tokens: [{ token: "t" }] },
        { jobName: "b", tokens: [{ token: "t" }] },
      ],
      "a/token-1 and b/token-1 have the same token",
    ],
    ["a job without a name", [{ jobName: "" }], "the job needs a name"],
    ["an empty token", [{ jobName: "a", tokens: [{ token: "" }] }], "a token must not be empty"],
    [
      "a digest that is none",
      [{ jobName: "a", tokens: [{ tokenSha256: Buffer.alloc(20) }] }],
      "has 32 bytes",
    ],
    [
      "a pattern that is none",
      [{ jobName: "a", tokens: [{ token: "t", allow: { x: "(" } }] }],
      'job "a": allow x: ',
    ],
    [
      "another job forced",
      [{ jobName: "a", tokens: [{ token: "t", labels: { job: "b" } }] }],
      "the label job is the job's name",
    ],
    [
      "a limit of nothing",
      [{ jobName: "a", limits: { seriesMax: 0 } }],
      "the limit seriesMax must be more than zero",
    ],
    ["an interval of nothing", [{ jobName: "a", intervalMs: -1 }], "the interval must be more than zero"],
    ["no certificate names", [{ jobName: "a", certificates: [{ names: [] }] }], "has no names"],
  ])("refuses %s", (_, wrong, reason) => {
    expect(() => new Identities(wrong.map(compilePushJob))).toThrow(reason);
  });
});
