/**
 * DnsServer: a name server on a UDP port of 127.0.0.1 that answers what a test says: records, failures, nothing.
 */

import { createSocket, type Socket } from "node:dgram";
import type { AddressInfo } from "node:net";

export type DnsAnswer =
  | readonly DnsAnswerRecord[]
  /** The name exists not, the server failed, or it keeps silent. */
  | "NXDOMAIN"
  | "SERVFAIL"
  | "silence";

export type DnsAnswerRecord =
  | { readonly a: string }
  | { readonly aaaa: readonly number[] }
  | { readonly srv: string; readonly port: number }
  | { readonly mx: string }
  | { readonly ns: string }
  | { readonly cname: string };

const types: Readonly<Record<number, string>> = { 1: "A", 2: "NS", 15: "MX", 28: "AAAA", 33: "SRV" };
const codes = { NXDOMAIN: 3, SERVFAIL: 2 };

export class DnsServer {
  /** By name and type, as `host.example A`. What is not here does not exist. */
  readonly answers = new Map<string, DnsAnswer>();
  /** What was asked, in the same form. */
  readonly asked: string[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("message", (query, { port, address }) => {
      const reply = this.#replyTo(query);
      if (reply !== undefined) socket.send(reply, port, address);
    });
  }

  static async start(): Promise<DnsServer> {
    const socket = createSocket("udp4");
    await new Promise<void>((bound) => socket.bind(0, "127.0.0.1", bound));
    return new DnsServer(socket);
  }

  /** `host:port`. */
  get address(): string {
    return `127.0.0.1:${(this.#socket.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#socket.close();
  }

  #replyTo(query: Buffer): Buffer | undefined {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at]!; length > 0; length = query[at]!) {
      labels.push(query.toString("latin1", at + 1, at + 1 + length));
      at += 1 + length;
    }
    const question = query.subarray(12, at + 5);
    const key = `${labels.join(".").toLowerCase()} ${types[query.readUInt16BE(at + 1)] ?? "?"}`;
    this.asked.push(key);
    const answer = this.answers.get(key) ?? "NXDOMAIN";
    if (answer === "silence") return undefined;
    const records = typeof answer === "string" ? [] : answer;
    const header = Buffer.alloc(12);
    header.writeUInt16BE(query.readUInt16BE(0), 0);
    header.writeUInt16BE(0x8180 | (typeof answer === "string" ? codes[answer] : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    return Buffer.concat([header, question, ...records.map(encodeRecord)]);
  }
}

function encodeRecord(record: DnsAnswerRecord): Buffer {
  if ("a" in record) return resource(1, Buffer.from(record.a.split(".").map(Number)));
  if ("aaaa" in record) return resource(28, Buffer.from(record.aaaa));
  if ("ns" in record) return resource(2, encodeName(record.ns));
  if ("cname" in record) return resource(5, encodeName(record.cname));
  if ("mx" in record) return resource(15, Buffer.concat([Buffer.from([0, 10]), encodeName(record.mx)]));
  const fixed = Buffer.alloc(6);
  fixed.writeUInt16BE(record.port, 4);
  return resource(33, Buffer.concat([fixed, encodeName(record.srv)]));
}

/** A record of the name that was asked for. */
function resource(type: number, content: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(0, 6);
  head.writeUInt16BE(content.length, 10);
  return Buffer.concat([head, content]);
}

function encodeName(name: string): Buffer {
  const labels = name.split(".").filter((label) => label !== "");
  const parts = labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, "latin1")]);
  return Buffer.concat([...parts, Buffer.from([0])]);
}
