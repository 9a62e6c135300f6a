import { describe, expect, it } from "vitest";
import { parseGroupingPath } from "../../../src/ingest/pushgateway/grouping-path.js";

const plain = (name: string) => name;

describe("grouping keys in paths", () => {
  it.each<[path: string, key: Record<string, string>]>([
    ["/metrics/job/a", { job: "a" }],
    ["/metrics/job/a/", { job: "a" }],
    ["/metrics/job@base64/L2E", { job: "/a" }],
    ["/metrics/job%40base64/L2E=", { job: "/a" }],
    ["/metrics/job/a/x/1/y/2", { job: "a", x: "1", y: "2" }],
    ["/metrics/job/a/x/1/x/2", { job: "a", x: "2" }],
    ["/metrics/job/a/job/b", { job: "a" }],
    ["/metrics/job/a/x/", { job: "a", x: "" }],
    ["/metrics/job/a/x@base64/=", { job: "a", x: "" }],
    ["/metrics/job/a/x@base64/", { job: "a", x: "" }],
    ["/metrics/job/a/path/%2Fvar%2Flog", { job: "a", path: "/var/log" }],
    ["/metrics/job/a/path@base64/L3Zhci9sb2c=", { job: "a", path: "/var/log" }],
    ["/metrics/job/gr%C3%B6%C3%9Fe/x/a%20b%2Bc+d", { job: "größe", x: "a b+c+d" }],
    ["/metrics/job/a/f%C3%BCr/1", { job: "a", für: "1" }],
  ])("%s", (path, key) => {
    expect(Object.fromEntries(parseGroupingPath(path, plain))).toEqual(key);
  });

  it("unescapes names", () => {
    const key = parseGroupingPath("/metrics/job/a/U__x/1", (name) => name.replace("U__", "."));
    expect(Object.fromEntries(key)).toEqual({ job: "a", ".x": "1" });
  });

  it.each<[path: string, reason: string]>([
    ["/metrics/", "a group is at /metrics/job/JOB"],
    ["/metrics/jobs/a", "a group is at /metrics/job/JOB"],
    ["/metrics/x/1/job/a", "a group is at /metrics/job/JOB"],
    ["/metrics/job/", "job name is required"],
    ["/metrics/job//x/1", "job name is required"],
    ["/metrics/job@base64/=", "job name is required"],
    ["/metrics/job/a/x", "odd number of components"],
    ["/metrics/job/a/x/1/", "odd number of components"],
    ["/metrics/job/a//b", 'improper label name ""'],
    ["/metrics/job/a/__name__/b", 'improper label name "__name__"'],
    ["/metrics/job/a/x@base64/a", "invalid base64"],
    ["/metrics/job/a/x@base64/a+b/", "odd number of components"],
    ["/metrics/job/a/x@base64/aa%2B", "invalid base64"],
    ["/metrics/job/a/x@base64/_w", "is not UTF-8"],
    ["/metrics/job/a/x/%ff", "bad percent-encoding"],
  ])("%s is refused", (path, reason) => {
    expect(() => parseGroupingPath(path, plain)).toThrow(reason);
  });
});
