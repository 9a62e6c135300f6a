/**
 * OAuth2Token: an access token by the flow of client credentials, asked for once and kept until shortly before its end.
 *
 * The client says who it is in the Authorization header; servers that refuse that are told in the form, and from then on
 * only there. Source: RFC 6749, sections 2.3.1, 4.4 and 5; golang.org/x/oauth2.
 */

import type { IncomingMessage } from "node:http";
import type { Clock } from "../model/clock.js";
import { UnavailableError } from "../model/errors.js";
import { describeFailure } from "./describe-failure.js";
import type { HttpClient } from "./http-client.js";
import type { OAuth2Config } from "./http-client-config.js";
import { basicAuthorization, type SecretValues } from "./secret-values.js";

export interface OAuth2TokenOptions {
  /** Closed with the token. */
  readonly client: HttpClient;
  readonly secrets: SecretValues;
  readonly clock: Clock;
}

interface Token {
  readonly authorization: string;
  /** The secret that it was had for. */
  readonly clientSecret: string;
  /** By the monotonic clock; undefined when it does not end. */
  readonly endsAt: number | undefined;
}

/** A token is not used for the last seconds of its life. */
const marginMs = 10_000;
const replySizeMaxBytes = 1024 * 1024;

export class OAuth2Token {
  readonly #config: OAuth2Config;
  readonly #options: OAuth2TokenOptions;
  #token: Token | undefined;
  #asking: Promise<Token> | undefined;
  #isToldInForm = false;

  constructor(config: OAuth2Config, options: OAuth2TokenOptions) {
    this.#config = config;
    this.#options = options;
  }

  /** The value of the Authorization header. Rejects with UnavailableError when there is no token to be had. */
  async authorization(signal: AbortSignal): Promise<string> {
    const clientSecret = await this.#options.secrets.read(this.#config.clientSecret);
    if (this.#token !== undefined && this.#isUsable(this.#token, clientSecret))
      return this.#token.authorization;
    const others = this.#asking;
    this.#asking ??= this.#ask(clientSecret, signal).finally(() => {
      this.#asking = undefined;
    });
    try {
      this.#token = await this.#asking;
      return this.#token.authorization;
    } catch (error) {
      // Whoever asked for all may have had less time than we have.
      if (others === undefined || signal.aborted) throw error;
      return this.authorization(signal);
    }
  }

  close(): void {
    this.#options.client.close();
  }

  #isUsable({ clientSecret, endsAt }: Token, now: string): boolean {
    const isAlive = endsAt === undefined || this.#options.clock.monotonic() < endsAt - marginMs;
    return isAlive && clientSecret === now;
  }

  async #ask(clientSecret: string, signal: AbortSignal): Promise<Token> {
    const inForm = this.#isToldInForm;
    let reply = await this.#post(clientSecret, inForm, signal);
    if (!inForm && (reply.statusCode === 400 || reply.statusCode === 401)) {
      reply.destroy();
      reply = await this.#post(clientSecret, true, signal);
      this.#isToldInForm = reply.statusCode === 200;
    }
    const fields = await readFields(reply);
    if (reply.statusCode !== 200) {
      const reason =
        typeof fields.error === "string" && /^\w{1,64}$/.test(fields.error) ? `: ${fields.error}` : "";
      throw new UnavailableError(
        `the server of token_url answered with HTTP status ${reply.statusCode}${reason}`,
      );
    }
    const { access_token: token, token_type: type, expires_in: lifetime } = fields;
    if (typeof token !== "string" || token === "")
      throw new UnavailableError("the server of token_url gave no token");
    const lifetimeSeconds = Number(lifetime ?? 0);
    const endsAt = lifetimeSeconds > 0 ? this.#options.clock.monotonic() + lifetimeSeconds * 1000 : undefined;
    return { authorization: `${tokenType(type)} ${token}`, clientSecret, endsAt };
  }

  async #post(clientSecret: string, inForm: boolean, signal: AbortSignal): Promise<IncomingMessage> {
    const { clientId, scopes, endpointParams, tokenUrl } = this.#config;
    const form = new URLSearchParams({ grant_type: "client_credentials" });
    if (scopes.length > 0) form.set("scope", scopes.join(" "));
    for (const [name, value] of Object.entries(endpointParams)) form.set(name, value);
    const authorization = basicAuthorization(encodeURIComponent(clientId), encodeURIComponent(clientSecret));
    if (inForm) {
      form.set("client_id", clientId);
      form.set("client_secret", clientSecret);
    }
    const request = this.#options.client.request(tokenUrl, {
      method: "POST",
      headers: {
        accept: "application/json",
        "content-type": "application/x-www-form-urlencoded",
        ...(!inForm && { authorization }),
      },
      body: form.toString(),
      signal,
    });
    return request.catch((error: unknown) => {
      if (signal.aborted) throw error;
      throw new UnavailableError(`no token of token_url: ${describeFailure(error)}`, { cause: error });
    });
  }
}

function tokenType(type: unknown): string {
  return typeof type === "string" && type !== "" && type.toLowerCase() !== "bearer" ? type : "Bearer";
}

/** Empty when the reply is no JSON: then what is missing is said. */
async function readFields(reply: IncomingMessage): Promise<Record<string, unknown>> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of reply as AsyncIterable<Buffer>) {
    sizeBytes += piece.length;
    if (sizeBytes > replySizeMaxBytes) throw new UnavailableError("the reply of token_url is too long");
    pieces.push(piece);
  }
  try {
    const fields: unknown = JSON.parse(Buffer.concat(pieces).toString());
    return typeof fields === "object" && fields !== null ? { ...fields } : {};
  } catch {
    return {};
  }
}
