/**
 * What agents tell of their targets, and what comes of it by their rights.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AgentConfig, defaultAgentLimits } from "../../src/agent/agent-config.js";
import { decideTargets } from "../../src/agent/agent-target.js";
import type { Labels } from "../../src/model/labels.js";
import { tokenDigest } from "../../src/model/token-digest.js";
import { targetUrl } from "../../src/scrape/target-url.js";

const config: AgentConfig = {
  name: "cellar",
  tokenSha256: tokenDigest("t"),
  ...{ jobs: ["node"], labels: {}, allow: {}, honorLabels: false, limits: defaultAgentLimits },
};

function target(number: number, url: string, labels: Record<string, string> = {}) {
  return { id: number.toString(16).padStart(16, "0"), job: "node", url, labels };
}

function labelsOf(
  url: string,
  labels: Record<string, string> = {},
  changes: Partial<AgentConfig> = {},
): Labels {
  const { accepted } = decideTargets([target(1, url, labels)], { ...config, ...changes });
  return accepted.get("node")![0]!;
}

describe("a target of an agent", () => {
  it("has the labels that it was told with, and those of the agent", () => {
    expect(labelsOf("https://h:1/a%20b?p=1&p=2&q=%2F", { instance: "i", job: "node" }).toObject()).toEqual({
      ...{ instance: "i", job: "node", agent: "cellar", __meta_agent: "cellar" },
      ...{ __agent_target__: "0000000000000001", __address__: "h:1", __scheme__: "https" },
      ...{ __metrics_path__: "/a b", __param_p: "1", __param_q: "/" },
    });
  });

  it("has no label agent when the entry says so, and then may not say one of its own", () => {
    const changes = { labels: { agent: "" } };
    expect(labelsOf("http://h/", {}, changes).has("agent")).toBe(false);
    const { refused } = decideTargets([target(1, "http://h/", { agent: "x" })], { ...config, ...changes });
    expect(refused[0]!.reason).toBe('the label agent is "" for this agent, not "x"');
  });

  it("may be of another job by name where the entry says so", () => {
    expect(labelsOf("http://h/", {}, { labels: { job: "exporter" } }).get("job")).toBe("exporter");
  });

  it("is shown under the URL that the agent asks", () => {
    const part = fc.stringMatching(/^[\w .,:;@$&=+/%?#-]{0,12}$/);
    fc.assert(
      fc.property(
        fc.constantFrom("http", "https"),
        fc.domain(),
        part,
        part,
        part,
        (scheme, host, path, name, value) => {
          const url = new URL(`${scheme}://${host}`);
          url.pathname = path.replaceAll("%", "%25");
          if (name !== "" && value !== "") url.searchParams.set(name, value);
          const shown = new URL(targetUrl(labelsOf(url.href), {}));
          expect([shown.host, decodeURIComponent(shown.pathname)]).toEqual([
            url.host,
            decodeURIComponent(url.pathname),
          ]);
          expect([...shown.searchParams]).toEqual([...url.searchParams]);
        },
      ),
    );
  });

  it("is refused beyond the limit, and why is told for some of them", () => {
    const many = Array.from({ length: 300 }, (_, i) => target(i, "http://h/", { n: String(i) }));
    const decision = decideTargets(many, config);
    expect([decision.acceptedCount, decision.refusedCount, decision.refused.length]).toEqual([100, 200, 50]);
    expect(decision.refused[0]).toEqual({
      id: many[100]!.id,
      reason: "the agent has more targets than its target_limit, 100",
    });
  });

  it.each([
    ["a half of a surrogate pair", { a: "\ud800" }, 'the label "a" is no text'],
    ["a name that is empty", { "": "x" }, "it has a label whose name is not valid"],
    ["a name of ours", { __meta_agent: "attic" }, 'the label "__meta_agent" is the server\'s to set'],
    ["an id of another", { __agent_target__: "f" }, 'the label "__agent_target__" is the server\'s to set'],
  ])("is refused with %s", (_what, labels, reason) => {
    expect(decideTargets([target(1, "http://h/", labels)], config).refused).toMatchObject([{ reason }]);
  });
});
