/**
 * An agent as the server knows it: how often it may tell of its targets, and what stays when it goes.
 */

import { describe, expect, it } from "vitest";
import { type AgentConfig, defaultAgentLimits } from "../../src/agent/agent-config.js";
import type { AgentLink } from "../../src/agent/agent-link.js";
import type { AgentTarget } from "../../src/agent/agent-target.js";
import { KnownAgent } from "../../src/agent/known-agent.js";
import { tokenDigest } from "../../src/model/token-digest.js";
import { FakeClock } from "../support/fake-clock.js";

const config: AgentConfig = {
  name: "cellar",
  tokenSha256: tokenDigest("t"),
  ...{ jobs: ["node", "app"], labels: {}, allow: {}, honorLabels: false, limits: defaultAgentLimits },
};
const connection = { address: "192.0.2.1", software: "", since: 0 };

const target = (host: string, job = "node"): AgentTarget => ({
  ...{ id: Buffer.from(host.padEnd(8)).toString("hex"), job, url: `http://${host}/`, labels: {} },
});

function start(told: readonly AgentTarget[] = []) {
  const clock = new FakeClock(1_000_000);
  const pools = new Map<string, readonly string[]>();
  const events: string[] = [];
  let kept = 0;
  const agent = new KnownAgent(config, told, {
    clock,
    setTargets: (pool, targets) =>
      pools.set(
        pool,
        targets.map((labels) => labels.get("__address__")),
      ),
    onTold: () => kept++,
    onEvent: (_level, message) => events.push(message),
  });
  agent.configure(config);
  return { clock, pools, events, agent, kept: () => kept };
}

function fakeLink() {
  const answers: number[] = [];
  const closed: string[] = [];
  const link: Pick<AgentLink, "tell" | "close"> = {
    tell: ({ acceptedCount }) => void answers.push(acceptedCount),
    close: (_code, reason) => void closed.push(reason),
  };
  return { link: link as AgentLink, answers, closed };
}

describe("an agent", () => {
  it("is heard at once, and then every five seconds, with the last that it told of", () => {
    const { clock, pools, agent, kept } = start();
    const { link, answers } = fakeLink();
    agent.connect(link, connection);
    agent.take(link, [target("a")]);
    expect(pools.get("cellar/node")).toEqual(["a"]);
    for (let i = 0; i < 100; i++) agent.take(link, [target(`b${i}`)]);
    expect(pools.get("cellar/node")).toEqual(["a"]);
    clock.advance(5000);
    expect(pools.get("cellar/node")).toEqual(["b99"]);
    expect([answers, kept()]).toEqual([[1, 1], 2]);
    clock.advance(5000);
    agent.take(link, [target("b99")]);
    expect(kept()).toBe(2);
  });

  it("keeps its targets when it goes, and does not hear a connection that was replaced", () => {
    const { clock, pools, agent, events } = start();
    const [one, two] = [fakeLink(), fakeLink()];
    agent.connect(one.link, connection);
    agent.take(one.link, [target("a")]);
    expect(agent.connect(two.link, connection)).toBe(one.link);
    agent.take(one.link, [target("x")]);
    agent.disconnect(one.link, { code: 4409, reason: "replaced" });
    clock.advance(60_000);
    expect([pools.get("cellar/node"), events]).toEqual([["a"], []]);
    expect(agent.status.connection).toEqual(connection);
    agent.disconnect(two.link, { code: 1006, reason: "the connection broke" });
    expect(agent.status).toMatchObject({ connection: undefined, targets: 1 });
    expect(agent.status.lastEnd).toMatch(/: the connection broke$/);
    expect(events).toEqual(['agent "cellar" has gone: the connection broke']);
    expect(pools.get("cellar/node")).toEqual(["a"]);
  });

  it("brings what it told of before the server started, and loses what its rights no longer say", () => {
    const { pools, agent } = start([target("a"), target("b", "app")]);
    expect([...pools]).toEqual([
      ["cellar/node", ["a"]],
      ["cellar/app", ["b"]],
    ]);
    agent.configure({ ...config, jobs: ["app"] });
    expect(pools.get("cellar/node")).toEqual([]);
    expect(agent.status.refused).toMatchObject([
      { reason: 'the agent may not bring targets into the job "node"' },
    ]);
    agent.configure(config);
    expect(pools.get("cellar/node")).toEqual(["a"]);
    agent.end();
    expect([...pools.values()]).toEqual([[], []]);
  });
});
