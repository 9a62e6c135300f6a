/**
 * GatewayWorld: groups on a database in memory, with a clock that the test moves.
 */

import { defaultIngestLimits } from "../../../src/ingest/limits.js";
import type { PushResult, StalenessPolicy } from "../../../src/ingest/push/push.js";
import { parseGroupingPath } from "../../../src/ingest/pushgateway/grouping-path.js";
import { Pushgateway, type PushgatewayLimits } from "../../../src/ingest/pushgateway/pushgateway.js";
import { readTextFamilies } from "../../../src/ingest/pushgateway/read-text-families.js";
import type { PushConfig } from "../../../src/ingest/source/push-config.js";
import type { OpenJournal } from "../../../src/model/journal.js";
import { Labels } from "../../../src/model/labels.js";
import { SourceWorld } from "../source/source-world.js";

export interface SentGroup {
  readonly replaces?: boolean;
  readonly staleness?: StalenessPolicy;
  readonly intervalMs?: number;
  readonly takesTimes?: boolean;
  readonly token?: string;
}

export class GatewayWorld {
  readonly world: SourceWorld;
  readonly gateway: Pushgateway;

  private constructor(world: SourceWorld, gateway: Pushgateway) {
    this.world = world;
    this.gateway = gateway;
  }

  static async open(
    configs: readonly PushConfig[] = [],
    limits?: Partial<PushgatewayLimits>,
  ): Promise<GatewayWorld> {
    return GatewayWorld.on(await SourceWorld.open(configs), limits);
  }

  /** With limits of their own groups are kept beside those of the database. */
  static async on(world: SourceWorld, limits?: Partial<PushgatewayLimits>): Promise<GatewayWorld> {
    const { database, sources: keeper, clock } = world;
    if (limits === undefined) return new GatewayWorld(world, await database.pushgateway());
    const openJournal: OpenJournal = (name, visit) => database.openJournal(`${name}-limited`, visit);
    return new GatewayWorld(world, await Pushgateway.open({ openJournal, keeper, clock, limits }));
  }

  async killAndReopen(configs: readonly PushConfig[] = []): Promise<GatewayWorld> {
    return GatewayWorld.on(await this.world.killAndReopen(configs));
  }

  async push(path: string, text: string, sent: SentGroup = {}): Promise<PushResult> {
    const grouping = parseGroupingPath(path, (name) => name);
    const { replaces = true, staleness = { kind: "forever" }, takesTimes = false, intervalMs } = sent;
    const push = this.world.sources.admit({
      ...this.#request(path, sent.token),
      staleness: { kind: "forever" },
      ...(intervalMs === undefined ? {} : { intervalMs }),
    });
    const families = await readTextFamilies(bodyOf(text), defaultIngestLimits);
    return this.gateway.push(push, { grouping, families, replaces, staleness, takesTimes });
  }

  async remove(path: string, token?: string): Promise<void> {
    const push = this.world.sources.admit(this.#request(path, token));
    await this.gateway.remove(
      push,
      parseGroupingPath(path, (name) => name),
    );
  }

  /** Time goes by while nobody is there. */
  async sleep(durationMs: number): Promise<void> {
    await this.gateway.close();
    await this.world.close();
    this.world.clock.advance(durationMs);
  }

  async advance(durationMs: number): Promise<void> {
    await this.world.advance(durationMs);
    // What is due of groups, and then of sources, is written.
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    await this.world.settle();
  }

  /** What an instant query finds now, without what is written about pushes: `name{label="value"} value`. */
  async series(selector = '{job!="",__name__!~"push_.*"}'): Promise<readonly string[]> {
    return this.world.query(selector, this.world.clock.now() + 20);
  }

  #request(path: string, token?: string) {
    const grouping = Labels.from(parseGroupingPath(path, (name) => name));
    const sender = { address: "127.0.0.1", ...(token === undefined ? {} : { token }) };
    return { protocol: "pushgateway", grouping, sender } as const;
  }
}

export async function* bodyOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
