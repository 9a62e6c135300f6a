/**
 * Objects as an API server, or anybody else, writes them.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type TargetGroup, targetsOf } from "../../../src/discovery/discovery.js";
import type { Surroundings } from "../../../src/discovery/kubernetes/endpoint-targets.js";
import { joinHostPort, labelName } from "../../../src/discovery/kubernetes/meta-labels.js";
import { readers } from "../../../src/discovery/kubernetes/resources.js";
import { roles } from "../../../src/discovery/kubernetes/roles.js";

const nothing: Surroundings = { pod: () => undefined, service: () => undefined, node: () => undefined };

describe("objects", () => {
  it("may hold anything, of any type, in any field", () => {
    const keys = [
      "spec",
      "status",
      "ports",
      "subsets",
      "addresses",
      "endpoints",
      "conditions",
      "containers",
      "rules",
    ];
    const more = [
      "http",
      "paths",
      "tls",
      "hosts",
      "targetRef",
      "podIP",
      "port",
      "initContainers",
      "daemonEndpoints",
    ];
    const { node: anything } = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: "small" },
        ...[fc.string(), fc.double(), fc.boolean(), fc.constant(null)],
        fc.array(tie("node"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...keys, ...more), tie("node"), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), anything), (fields) => {
        const object = { ...fields, metadata: { name: "a", labels: { x: 1, y: "z" } } };
        for (const read of Object.values(readers)) expect(read(object).meta.labels).toEqual({ y: "z" });
        for (const rules of Object.values(roles)) {
          // Each role has the reader of its own resource.
          const targets = (
            rules.targets as (object: unknown, around: Surroundings) => TargetGroup | undefined
          )(readers[rules.resource](object), nothing);
          for (const labels of targetsOf(targets === undefined ? [] : [targets]))
            expect(labels.size).toBeGreaterThan(0);
        }
      }),
    );
  });

  it("give names that labels may have, and addresses", () => {
    expect(labelName("app.kubernetes.io/part-of")).toBe("app_kubernetes_io_part_of");
    expect(labelName("a😀ü1")).toBe("a__1");
    expect(joinHostPort("h", 1)).toBe("h:1");
    expect(joinHostPort("::1", 1)).toBe("[::1]:1");
  });
});
