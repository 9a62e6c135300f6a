/**
 * The push client over TLS: whom it trusts, and what it shows of itself.
 */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { PushAddressStatus, PushClientOptions } from "../../src/client/index.js";
import { openPushClient } from "../../src/client/index.js";
import { ScriptedReceiver } from "../support/scripted-receiver.js";

const fixture = (name: string) => readFileSync(resolve(import.meta.dirname, "../fixtures/tls", name));
const server = { cert: fixture("server.crt"), key: fixture("server.key") };
const device = { cert: fixture("device.crt"), key: fixture("device.key").toString() };
const ca = fixture("ca.crt");

const opened: ScriptedReceiver[] = [];
afterEach(async () => {
  for (const receiver of opened.splice(0)) await receiver.close();
});

async function receiverThat(
  more: Parameters<typeof ScriptedReceiver.open>[0] = {},
): Promise<ScriptedReceiver> {
  const receiver = await ScriptedReceiver.open({ ...server, ...more });
  opened.push(receiver);
  return receiver;
}

/** What became of one sample. */
async function send(options: PushClientOptions): Promise<PushAddressStatus> {
  const client = await openPushClient(options);
  client.series({ __name__: "a" }).append(1);
  await client.close();
  return client.status().addresses[0]!;
}

const asksForCertificates = { ca, requestCert: true, rejectUnauthorized: true };

describe("a receiver with TLS", () => {
  it("is trusted by its authority", async () => {
    const { url } = await receiverThat();
    expect((await send({ url, ca })).delivered).toBe(1);
    expect((await send({ url })).lastFailure!.reason).toMatch(/unable to verify|self-signed/);
  });

  it("is trusted whoever it is, when the client is told so", async () => {
    const { url } = await receiverThat();
    expect((await send({ url, rejectUnauthorized: false })).delivered).toBe(1);
  });

  it("must have the name that it is asked for", async () => {
    const { url } = await receiverThat();
    expect((await send({ url, ca, servername: "elsewhere.example" })).lastFailure!.reason).toMatch(
      /altnames/,
    );
  });

  it("sees the client's certificate", async () => {
    const { url } = await receiverThat(asksForCertificates);
    expect((await send({ url, ca, ...device })).delivered).toBe(1);
    expect((await send({ url, ca })).delivered).toBe(0);
    expect((await send({ urls: [{ url, ...device }], ca })).delivered).toBe(1);
  });

  it("that does not know a certificate keeps nobody from sending later", async () => {
    const { url } = await receiverThat(asksForCertificates);
    const stranger = { cert: fixture("stranger.crt"), key: fixture("stranger.key") };
    const { dropped, waiting } = await send({ url, ca, ...stranger });
    expect([dropped.refused, waiting.samples]).toEqual([0, 1]);
  });

  it("is not asked with half a certificate, or with one that is none", async () => {
    const url = "https://127.0.0.1:1/api/v1/write";
    const { cert, key } = device;
    await expect(openPushClient({ url, cert })).rejects.toThrow("cert and key must both be given");
    await expect(openPushClient({ url, cert, urls: [{ url: `${url}2`, key }] })).rejects.toThrow("both");
    await expect(openPushClient({ url, cert: "no PEM", key })).rejects.toThrow(
      "127.0.0.1:1: ca, cert or key is of no use",
    );
    await expect(openPushClient({ url, cert, key: fixture("stranger.key") })).rejects.toThrow(/mismatch/i);
  });
});
