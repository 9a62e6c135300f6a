/**
 * ScrapeManager: the loops of all jobs: start, look at, stop.
 */

import type { ScrapeConfig } from "./scrape-config.js";
import { ScrapeLoop, type ScrapeLoopOptions } from "./scrape-loop.js";
import type { TargetStatus } from "./status.js";
import { buildTarget } from "./target.js";

export class ScrapeManager {
  readonly #loops: readonly ScrapeLoop[];

  constructor(configs: readonly ScrapeConfig[], options: ScrapeLoopOptions) {
    this.#loops = configs.flatMap((config) =>
      config.staticTargets.map((target) => new ScrapeLoop(buildTarget(config, target), config, options)),
    );
  }

  start(): void {
    for (const loop of this.#loops) loop.start();
  }

  /** Resolves when no loop will append any more. */
  async stop(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.stop()));
  }

  targets(): readonly TargetStatus[] {
    return this.#loops.map((loop) => loop.status);
  }
}
