/**
 * Sends pushes to a server, as a process of its own: bodies are encoded first, then sent over raw sockets, each
 * connection as fast as it is answered. Arguments: URL, protocol (of push-requests.ts), series, rounds, connections, and
 * how many rounds are sent before the measured ones. Prints a line when these are, waits for a line, sends the others,
 * and prints, as JSON, how many samples these were and how many seconds it took.
 */

import { connect } from "node:net";
import { type PushProtocolName, pushForms } from "./push-requests.js";
import { type Load, requestsOf } from "./remote-write-requests.js";

const [url = "", protocol = "", series = "10000", rounds = "100", connections = "4", warmUp = "0"] =
  process.argv.slice(2);
const { hostname, port, pathname } = new URL(url);
const load: Load = {
  series: Number(series),
  rounds: Number(rounds),
  connections: Number(connections),
  endTime: Math.floor(Date.now() / 15_000) * 15_000,
};
const { headers, encoder: encoderOf } = pushForms[protocol as PushProtocolName];
const encoder = encoderOf();
const heads = [
  `POST ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUser-Agent: bench\r\n`,
  ...Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`),
].join("");

const streams = Array.from({ length: load.connections }, (_, connection) =>
  Array.from(requestsOf(load, connection, encoder), (body) =>
    Buffer.concat([Buffer.from(`${heads}Content-Length: ${body.length}\r\n\r\n`), body]),
  ),
);
const warmUpRequests = Math.round((streams[0]!.length * Number(warmUp)) / Number(rounds));
await Promise.all(streams.map((requests) => send(requests.slice(0, warmUpRequests))));
console.log("ready");
await new Promise((go) => process.stdin.once("data", go));
const began = performance.now();
await Promise.all(streams.map((requests) => send(requests.slice(warmUpRequests))));
const seconds = (performance.now() - began) / 1000;
const measured = 1 - warmUpRequests / streams[0]!.length;
console.log(JSON.stringify({ samples: load.series * load.rounds * measured, seconds }));
process.exit();

function send(requests: readonly Buffer[]): Promise<void> {
  if (requests.length === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    socket.setNoDelay(true);
    let next = 0;
    let answer = "";
    const sendNext = () => {
      if (next < requests.length) socket.write(requests[next++]!);
      else {
        socket.end();
        resolve();
      }
    };
    socket.on("connect", sendNext);
    socket.on("error", reject);
    socket.on("data", (piece: Buffer) => {
      answer += piece.toString("latin1");
      if (!answer.includes("\r\n\r\n")) return;
      if (!/^HTTP\/1\.1 20[04] /.test(answer)) {
        reject(new Error(`${url} answered: ${answer.slice(0, 500)}`));
        socket.destroy();
        return;
      }
      answer = "";
      sendNext();
    });
  });
}
