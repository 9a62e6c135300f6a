/**
 * Reloads: the configuration read again while the server runs, all or nothing, one at a time.
 */

import type { DatabaseEvent } from "../api.js";
import type { ToldWarnings } from "../config/told-warnings.js";
import type { ConfigStatus } from "../http/own-metrics.js";
import type { Clock } from "../model/clock.js";
import { UnavailableError } from "../model/errors.js";
import { restartsNeeded, type ServerConfig, warningsOf } from "./server-config.js";

export interface ReloadsOptions {
  readonly initial: ServerConfig;
  /** That have told those of `initial`. */
  readonly warnings: ToldWarnings;
  readonly clock: Clock;
  /** Reads and checks everything, and changes nothing. */
  readonly load: () => Promise<ServerConfig>;
  /** Puts in force what was loaded. */
  readonly apply: (config: ServerConfig) => Promise<void>;
  readonly onEvent: (event: DatabaseEvent) => void;
}

export class Reloads {
  readonly #options: ReloadsOptions;
  #inForce: ServerConfig;
  #last: Promise<void> = Promise.resolve();
  #isClosed = false;
  #status: ConfigStatus;

  constructor(options: ReloadsOptions) {
    this.#options = options;
    this.#inForce = options.initial;
    this.#status = { isLastReloadSuccessful: true, readAt: options.clock.now() };
  }

  get status(): ConfigStatus {
    return this.#status;
  }

  /** Rejects with what is wrong: then what was in force stays in force. */
  async reload(): Promise<void> {
    const reloaded = this.#last.then(() => this.#reload());
    this.#last = reloaded.catch(() => {});
    return reloaded;
  }

  /** Waits for the reload that is under way, and takes no more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last;
  }

  async #reload(): Promise<void> {
    if (this.#isClosed) throw new UnavailableError("the server closes");
    const { load, apply, clock, warnings, onEvent } = this.#options;
    try {
      const config = await load();
      await apply(config);
      warnings.review(warningsOf(config));
      for (const message of restartsNeeded(this.#inForce, config)) onEvent({ level: "warning", message });
      this.#inForce = config;
      this.#status = { isLastReloadSuccessful: true, readAt: clock.now() };
      onEvent({ level: "info", message: "the configuration was read again" });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#status = {
        ...this.#status,
        isLastReloadSuccessful: false,
        failure: { time: clock.now(), reason },
      };
      onEvent({ level: "error", message: `the configuration stays as it was: ${reason}` });
      throw error;
    }
  }
}
