/**
 * settingsOf: the options of a push client with their defaults, checked.
 */

import { definedOnly } from "../model/defined-only.js";
import { InvalidArgumentError } from "../model/errors.js";
import type { ClientTls } from "./http-receiver.js";
import type { RetryDelays } from "./judge-answer.js";
import type { PushAddressOptions, PushClientOptions } from "./push-client-options.js";
import type { QueueLimits } from "./queue/push-queue.js";

/** Everything that has a default, with it. */
export interface PushClientSettings {
  readonly addresses: readonly PushAddress[];
  readonly limits: QueueLimits;
  readonly batchSamplesMax: number;
  readonly batchAgeMaxMs: number;
  readonly requestSizeMaxBytes: number;
  readonly requestTimeoutMs: number;
  readonly retry: RetryDelays;
  readonly heartbeatName: string;
}

export interface PushAddress {
  readonly url: URL;
  /** The URL without credentials: what statuses and positions call it. */
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: ClientTls;
}

const mebibyte = 1024 * 1024;
/** A queue that is smaller could not take a batch. */
const queueSizeMinBytes = 65_536;

/** Throws InvalidArgumentError. */
export function settingsOf(options: PushClientOptions): PushClientSettings {
  const { queue = {}, batch = {}, request = {}, retry = {} } = options;
  const diskSizeMaxBytes = queue.directory === undefined ? 16 * mebibyte : 64 * mebibyte;
  const settings: PushClientSettings = {
    addresses: addressesOf(options),
    limits: {
      sizeMaxBytes: queue.sizeMaxBytes ?? diskSizeMaxBytes,
      memoryMaxBytes: queue.memoryMaxBytes ?? 8 * mebibyte,
      ageMaxMs: queue.ageMaxMs ?? 7 * 86_400_000,
    },
    batchSamplesMax: batch.samplesMax ?? 2000,
    batchAgeMaxMs: batch.ageMaxMs ?? 1000,
    requestSizeMaxBytes: request.sizeMaxBytes ?? 512 * 1024,
    requestTimeoutMs: request.timeoutMs ?? 30_000,
    retry: { delayMinMs: retry.delayMinMs ?? 1000, delayMaxMs: retry.delayMaxMs ?? 60_000 },
    heartbeatName: options.heartbeatName ?? "narthex_client_dropped_samples_total",
  };
  assertAtLeast("queue.sizeMaxBytes", settings.limits.sizeMaxBytes, queueSizeMinBytes);
  assertAtLeast("queue.memoryMaxBytes", settings.limits.memoryMaxBytes, queueSizeMinBytes);
  assertAtLeast("queue.ageMaxMs", settings.limits.ageMaxMs, 1);
  assertAtLeast("batch.samplesMax", settings.batchSamplesMax, 1);
  assertAtLeast("batch.ageMaxMs", settings.batchAgeMaxMs, 0);
  assertAtLeast("request.sizeMaxBytes", settings.requestSizeMaxBytes, 1);
  assertAtLeast("request.timeoutMs", settings.requestTimeoutMs, 1);
  assertAtLeast("retry.delayMinMs", settings.retry.delayMinMs, 1);
  assertAtLeast("retry.delayMaxMs", settings.retry.delayMaxMs, settings.retry.delayMinMs);
  if (options.intervalMs !== undefined) assertAtLeast("intervalMs", options.intervalMs, 1000);
  return settings;
}

function addressesOf(options: PushClientOptions): readonly PushAddress[] {
  const given = [...(options.url === undefined ? [] : [options.url]), ...(options.urls ?? [])];
  if (given.length === 0) throw new InvalidArgumentError("a push client needs a url, or urls");
  const addresses = given.map((one) => addressOf(options, typeof one === "string" ? { url: one } : one));
  const names = addresses.map(({ name }) => name);
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) throw new InvalidArgumentError(`the address ${repeated} is given twice`);
  return addresses;
}

function addressOf(common: PushClientOptions, own: PushAddressOptions): PushAddress {
  const url = URL.canParse(own.url) ? new URL(own.url) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new InvalidArgumentError(
      `${JSON.stringify(own.url)} is no URL of HTTP, as http://host/api/v1/write`,
    );
  const fromUrl =
    url.username === ""
      ? undefined
      : { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
  url.username = "";
  url.password = "";
  const hasOwn = own.token !== undefined || own.basicAuth !== undefined || fromUrl !== undefined;
  const { token, basicAuth = hasOwn ? fromUrl : undefined } = hasOwn ? own : common;
  const authorization =
    token !== undefined
      ? `Bearer ${token}`
      : basicAuth && `Basic ${Buffer.from(`${basicAuth.username}:${basicAuth.password}`).toString("base64")}`;
  const interval =
    common.intervalMs === undefined ? {} : { "x-push-interval": formatInterval(common.intervalMs) };
  const headers = {
    ...interval,
    ...(authorization !== undefined && { authorization }),
    ...common.headers,
    ...own.headers,
    "user-agent": "narthex-client",
  };
  return { url, name: url.href, headers, tls: tlsOf(common, own, url) };
}

/** A certificate, its key and its passphrase belong together: an address has all of its own, or none. */
function tlsOf(common: PushClientOptions, own: PushAddressOptions, url: URL): ClientTls {
  const isOwn = own.cert !== undefined || own.key !== undefined;
  const { cert, key, passphrase } = isOwn ? own : common;
  if ((cert === undefined) !== (key === undefined))
    throw new InvalidArgumentError(`${url.host}: cert and key must both be given, or neither`);
  const { ca = common.ca, servername = common.servername } = own;
  const rejectUnauthorized = own.rejectUnauthorized ?? common.rejectUnauthorized;
  return definedOnly({ ca, cert, key, passphrase, servername, rejectUnauthorized });
}

/** Milliseconds, which every reader of durations knows. */
function formatInterval(intervalMs: number): string {
  return intervalMs % 1000 === 0 ? `${intervalMs / 1000}s` : `${Math.round(intervalMs)}ms`;
}

function assertAtLeast(name: string, value: number, min: number): void {
  if (!(value >= min)) throw new InvalidArgumentError(`${name} must be at least ${min}, not ${value}`);
}
