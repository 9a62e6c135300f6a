import { describe, expect, it } from "vitest";
import {
  type Discovery,
  type DiscoveryStatus,
  type OnGroups,
  targetsOf,
} from "../../src/discovery/discovery.js";
import type { DiscoveryConfig } from "../../src/discovery/discovery-config.js";
import { FoundTargets } from "../../src/discovery/found-targets.js";
import { Labels } from "../../src/model/labels.js";
import { FakeClock } from "../support/fake-clock.js";

/** A discovery that a test speaks through. */
class SpokenDiscovery implements Discovery {
  tell: OnGroups = () => {};
  readonly status: DiscoveryStatus = {
    ...({ kind: "file", place: "here", refreshes: 0, failures: 0 } as const),
    ...{ lastRefresh: undefined, lastError: "" },
  };

  run(onGroups: OnGroups): void {
    this.tell = onGroups;
  }

  isStopped = false;

  async stop(): Promise<void> {
    this.isStopped = true;
  }

  say(source: string, ...addresses: string[]): void {
    const targets = addresses.map((address) => Labels.from({ __address__: address }));
    this.tell(source, targets.length === 0 ? [] : [{ targets, labels: Labels.empty }]);
  }
}

function configOf(place: string): DiscoveryConfig {
  return { kind: "file", files: [place], refreshIntervalMs: 1000 };
}

function listen() {
  const clock = new FakeClock();
  const told: string[] = [];
  /** By place. */
  const spoken = new Map<string, SpokenDiscovery>();
  const found = new FoundTargets({
    clock,
    createDiscovery(config) {
      const discovery = new SpokenDiscovery();
      if (config.kind === "file") spoken.set(config.files[0]!, discovery);
      return discovery;
    },
    onTargets: (targets) => told.push(targets.map((labels) => labels.get("__address__")).join(" ")),
  });
  found.configure([configOf("first"), configOf("second")]);
  return { clock, told, found, spoken, first: spoken.get("first")!, second: spoken.get("second")! };
}

describe("found targets", () => {
  it("are told together, at once and then every five seconds at most", () => {
    const { clock, told, first, second } = listen();
    first.say("f", "a", "b");
    second.say("f", "c");
    clock.advance(0);
    expect(told).toEqual(["a b c"]);
    clock.advance(1000);
    first.say("f", "a");
    first.say("g", "d");
    clock.advance(3999);
    expect(told).toHaveLength(1);
    clock.advance(1);
    expect(told).toEqual(["a b c", "a d c"]);
    clock.advance(60_000);
    second.say("f");
    clock.advance(0);
    expect(told.slice(2)).toEqual(["a d"]);
  });

  it("are no news when they are as they were", () => {
    const { clock, told, found, first } = listen();
    first.say("none");
    first.say("f", "a");
    clock.advance(0);
    first.say("f", "a");
    clock.advance(60_000);
    expect(told).toEqual(["a"]);
    expect(found.statuses.map(({ targets }) => targets)).toEqual([1, 0]);
  });

  it("are told no more once it has stopped", async () => {
    const { clock, told, found, first } = listen();
    first.say("f", "a");
    await found.stop();
    clock.advance(60_000);
    expect(told).toEqual([]);
  });

  it("stay with discoveries that stay; those of one that is gone go when others had time to find them", () => {
    const { clock, told, found, spoken, first, second } = listen();
    first.say("f", "a");
    second.say("f", "b");
    clock.advance(0);
    clock.advance(60_000);
    found.configure([configOf("second"), configOf("third")]);
    expect([first.isStopped, second.isStopped]).toEqual([true, false]);
    spoken.get("third")!.say("f", "a");
    clock.advance(5000);
    expect(told).toEqual(["a b", "b a"]);
    found.configure([]);
    clock.advance(5000);
    expect(told.slice(2)).toEqual([""]);
    expect(found.statuses).toEqual([]);
  });
});

describe("targetsOf", () => {
  it("gives a target the labels of its group, unless it has them itself", () => {
    const targets = [Labels.from({ __address__: "a", x: "own" }), Labels.from({ __address__: "b" })];
    expect([...targetsOf([{ targets, labels: Labels.from({ x: "group" }) }])].map(String)).toEqual([
      '{__address__="a", x="own"}',
      '{__address__="b", x="group"}',
    ]);
  });
});
