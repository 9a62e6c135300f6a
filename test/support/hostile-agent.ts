/**
 * HostileAgent: an agent that says whatever a test wants, over a real WebSocket.
 */

import { once } from "node:events";
import { WebSocket } from "ws";
import {
  type AgentMessage,
  decodeServerMessage,
  encodeMessage,
  type ServerMessage,
  subprotocol,
} from "../../src/agent/messages.js";

export class HostileAgent {
  readonly webSocket: WebSocket;
  readonly received: ServerMessage[] = [];
  /** Code and reason. */
  readonly closed: Promise<readonly [number, string]>;

  private constructor(webSocket: WebSocket) {
    this.webSocket = webSocket;
    webSocket.on("message", (data) => this.received.push(decodeServerMessage(data as Buffer)));
    webSocket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      webSocket.on("close", (code, reason) => resolve([code, reason.toString()]));
    });
  }

  /** `url` is the server's. */
  static async connect(url: string, token: string): Promise<HostileAgent> {
    const webSocket = new WebSocket(`${url.replace("http", "ws")}/api/v1/agent`, [subprotocol], {
      headers: { authorization: `Bearer ${token}` },
    });
    const agent = new HostileAgent(webSocket);
    await once(webSocket, "open");
    return agent;
  }

  send(message: AgentMessage): void {
    this.webSocket.send(encodeMessage(message));
  }

  /** With ids 1, 2, … in 16 hexadecimal digits. */
  tell(targets: readonly { job: string; url: string; labels?: Record<string, string> }[]): void {
    this.send({
      kind: "targets",
      targets: targets.map(({ job, url, labels = {} }, i) => ({
        ...{ id: (i + 1).toString(16).padStart(16, "0"), job, url, labels },
      })),
    });
  }

  end(): void {
    this.webSocket.terminate();
  }
}
