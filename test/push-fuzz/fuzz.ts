/**
 * Fuzzing of what is pushed: bodies of every protocol, mutated, and random bytes, through the readers; some of them
 * over HTTP into a database. Of each is demanded:
 *
 *   errors    none, or one that says what is wrong with the body: never a bug of ours, and over HTTP never a 500
 *   memory    no more than a budget is taken while a small body is read, nor kept afterwards
 *   samples   a change within one line leaves the samples of other lines as they were, and the changed line gives what
 *             it gives alone; and it does not matter in which pieces a body arrives
 */

import type { FastifyInstance } from "fastify";
import { LimitExceededError, MalformedInputError } from "../../src/model/errors.js";
import { RecordingPush } from "../support/recording-push.js";
import { below, mutate, mutateJson, pick, type Random, randomBytes } from "./mutate.js";
import type { FuzzedProtocol } from "./protocols.js";

/** Of the memory that reading one small body may take, garbage included. */
export const memoryBudgetBytes = 64 * 1024 * 1024;
const weighedEvery = 8;

export interface Finding {
  readonly protocol: string;
  readonly body: Buffer;
  readonly problem: string;
}

export interface FuzzOptions {
  readonly protocols: readonly FuzzedProtocol[];
  readonly random: Random;
  readonly bodies: number;
  /** When given, bodies are posted to it, too. */
  readonly app?: FastifyInstance | undefined;
  /** How many of them, from 0 to 1. Default one in a hundred. */
  readonly postedShare?: number;
  readonly onFinding: (finding: Finding) => void;
}

export interface FuzzReport {
  readonly bodies: number;
  /** Bodies that were refused as a whole. */
  readonly refused: number;
  readonly samples: number;
  readonly lost: number;
  /** The most that was taken while one body was read. */
  readonly peakBytes: number;
  readonly statuses: ReadonlyMap<number, number>;
}

/** What became of a body. */
interface Reading {
  readonly lines: readonly string[];
  readonly lost: number;
  /** The error's class and message; undefined when there was none. */
  readonly refusal: string | undefined;
}

export async function fuzz({
  protocols,
  random,
  bodies,
  app,
  postedShare = 0.01,
  onFinding,
}: FuzzOptions): Promise<FuzzReport> {
  const report = {
    bodies,
    refused: 0,
    samples: 0,
    lost: 0,
    peakBytes: 0,
    statuses: new Map<number, number>(),
  };
  for (let n = 0; n < bodies; n++) {
    const protocol = pick(protocols, random);
    const tell = (body: Buffer, problem: string) => onFinding({ protocol: protocol.name, body, problem });
    // To ask for it takes longer than to read most bodies.
    const isWeighed = n % weighedEvery === 0;
    const before = isWeighed ? memoryTaken() : 0;
    const { body, reading } = await readOne(protocol, random, tell);
    const taken = isWeighed ? memoryTaken() - before : 0;
    report.peakBytes = Math.max(report.peakBytes, taken);
    if (taken > memoryBudgetBytes) tell(body, `${taken} bytes of memory were taken`);
    if (reading.refusal !== undefined) report.refused++;
    report.samples += reading.lines.length;
    report.lost += reading.lost;
    if (app === undefined || random() >= postedShare || protocol.request === undefined) continue;
    const status = await post(app, protocol.request, body);
    report.statuses.set(status, (report.statuses.get(status) ?? 0) + 1);
    if (![200, 204, 400, 413, 415].includes(status)) tell(body, `the status is ${status}`);
  }
  return report;
}

type Tell = (body: Buffer, problem: string) => void;

async function readOne(
  protocol: FuzzedProtocol,
  random: Random,
  tell: Tell,
): Promise<{ readonly body: Buffer; readonly reading: Reading }> {
  const original = pick(protocol.bodies, random);
  if (protocol.lines !== undefined && random() < 0.5) return checkLines(protocol, original, random, tell);
  const message = mutateBody(protocol, original, random);
  const body = protocol.encode !== undefined && random() < 0.9 ? protocol.encode(message) : message;
  const reading = await read(protocol, [body], tell);
  if (protocol.isStreamed && random() < 0.3) {
    const inPieces = await read(protocol, cut(body, random), tell);
    if (!isSame(reading, inPieces)) tell(body, "in pieces it is read otherwise");
  }
  return { body, reading };
}

function mutateBody({ json, bodies }: FuzzedProtocol, original: Buffer, random: Random): Buffer {
  if (random() < 0.02) return randomBytes(random);
  if (json === undefined || random() < 0.3) return mutate(original, bodies, random);
  if (json === "body") return Buffer.from(mutateJson(original.toString(), random) ?? "");
  const lines = original.toString().split("\n");
  const at = below(lines.length, random);
  lines[at] = mutateJson(lines[at]!, random) ?? "";
  return Buffer.from(lines.join("\n"));
}

/** Changes one line, and demands what can be demanded of the others. */
async function checkLines(
  protocol: FuzzedProtocol,
  original: Buffer,
  random: Random,
  tell: Tell,
): Promise<{ readonly body: Buffer; readonly reading: Reading }> {
  const lines = original.toString("latin1").split("\n");
  const at = below(lines.length, random);
  const line = Buffer.from(lines[at]!, "latin1");
  const isTree = protocol.json === "line" && random() < 0.5;
  const mutated = isTree
    ? (mutateJson(line.toString(), random) ?? "")
    : mutate(line, protocol.bodies, random).toString("latin1").replaceAll("\n", "");
  const changed = isTree ? Buffer.from(mutated).toString("latin1") : mutated;
  const before = lines.slice(0, at).map((text) => `${text}\n`);
  const after = lines.slice(at + 1);
  const bodyOf = (...parts: readonly string[]) => Buffer.from(parts.join(""), "latin1");
  const body = bodyOf(...before, changed, ...after.map((text) => `\n${text}`));
  const reading = await read(protocol, [body], tell);
  // What it takes to understand a line is in comments before it: types of metrics.
  const context = before.filter((text) => text.startsWith("#")).join("");
  const first = await read(protocol, [bodyOf(...before)], tell);
  if (changesOthers(protocol.lines!, lines[at]!, changed)) {
    if (!startsWith(reading.lines, first.lines)) tell(body, "samples before the change are others");
    return { body, reading };
  }
  const own = await read(protocol, [bodyOf(context, changed)], tell);
  const last = await read(protocol, [bodyOf(context, after.join("\n"))], tell);
  const expected = [...first.lines, ...own.lines, ...last.lines];
  if (!isEqual(reading.lines, expected))
    tell(body, `line ${at + 1} changed others: ${differenceOf(reading.lines, expected)}`);
  return { body, reading };
}

/** Whether what is changed may be meant to change what follows. Comments say what lines after them mean. */
function changesOthers(lines: NonNullable<FuzzedProtocol["lines"]>, before: string, after: string): boolean {
  if (lines === "until-change" || (before + after).includes("#")) return true;
  return lines === "unless-quoted" && (before + after).includes('"');
}

/** One for all bodies, so that what is remembered of others must not matter. */
const origin = { name: "fuzz" };

async function read(protocol: FuzzedProtocol, pieces: readonly Buffer[], tell: Tell): Promise<Reading> {
  const push = new RecordingPush({ origin, limits: { lineSizeBytes: 64 * 1024 } });
  const rolledBack: string[] = [];
  push.rollback = () => rolledBack.push(...push.lines.splice(0));
  try {
    await protocol.read(pieces, push);
    return { lines: push.lines, lost: push.lostSamples, refusal: undefined };
  } catch (error) {
    const refusal = String(error);
    if (!(error instanceof MalformedInputError || error instanceof LimitExceededError)) {
      const place = error instanceof Error ? error.stack?.split("\n").slice(1, 4).join("\n") : "";
      tell(Buffer.concat(pieces), `threw ${refusal}\n${place}`);
    }
    return { lines: [], lost: 0, refusal };
  }
}

async function post(
  app: FastifyInstance,
  { url, type, encoding }: NonNullable<FuzzedProtocol["request"]>,
  payload: Buffer,
): Promise<number> {
  const headers = { "content-type": type, ...(encoding && { "content-encoding": encoding }) };
  return (await app.inject({ method: "POST", url, headers, payload })).statusCode;
}

function cut(body: Buffer, random: Random): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const end = at + 1 + below(random() < 0.5 ? 3 : 100, random);
    pieces.push(body.subarray(at, end));
    at = end;
  }
  return pieces;
}

function memoryTaken(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function isSame(a: Reading, b: Reading): boolean {
  return a.lost === b.lost && a.refusal === b.refusal && isEqual(a.lines, b.lines);
}

function isEqual(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && startsWith(a, b);
}

function startsWith(lines: readonly string[], start: readonly string[]): boolean {
  return start.every((line, i) => line === lines[i]);
}

function differenceOf(a: readonly string[], b: readonly string[]): string {
  const at = a.findIndex((line, i) => line !== b[i]);
  return `${a[at] ?? "nothing"} in place of ${b[at < 0 ? a.length : at] ?? "nothing"}`;
}
