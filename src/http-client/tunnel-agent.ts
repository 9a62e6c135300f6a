/**
 * TunnelAgent, PlainTunnelAgent: connections to servers, encrypted or not, through a proxy that passes bytes on.
 *
 * Of what is encrypted the proxy sees the server's name and nothing else.
 */

import { type AgentOptions, Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Duplex } from "node:stream";
import { connect } from "node:tls";

/**
 * Asks a proxy for a connection to a server. Rejects with UnavailableError, or with the system's error. Node does not tell
 * an agent that who asked has given up: a proxy that says nothing is left after `tunnelTimeoutMs`.
 */
export type OpenTunnel = (host: string, port: number) => Promise<Duplex>;

export const tunnelTimeoutMs = 30_000;

type CreateConnection = HttpAgent["createConnection"];
type Arguments = Parameters<CreateConnection>;

export class TunnelAgent extends HttpsAgent {
  readonly #open: OpenTunnel;

  constructor(options: AgentOptions, open: OpenTunnel) {
    super(options);
    this.#open = open;
  }

  override createConnection(...[options, callback]: Arguments): undefined {
    tunnelTo(this.#open, options, 443).then(
      (socket) => callback?.(null, connect({ ...(options as object), socket })),
      (error: Error) => callback?.(error, undefined as unknown as Duplex),
    );
    return undefined;
  }
}

export class PlainTunnelAgent extends HttpAgent {
  readonly #open: OpenTunnel;

  constructor(options: AgentOptions, open: OpenTunnel) {
    super(options);
    this.#open = open;
  }

  override createConnection(...[options, callback]: Arguments): undefined {
    tunnelTo(this.#open, options, 80).then(
      (socket) => callback?.(null, socket),
      (error: Error) => callback?.(error, undefined as unknown as Duplex),
    );
    return undefined;
  }
}

function tunnelTo(open: OpenTunnel, { host, port }: Arguments[0], defaultPort: number): Promise<Duplex> {
  return open(host ?? "", Number(port ?? defaultPort));
}
