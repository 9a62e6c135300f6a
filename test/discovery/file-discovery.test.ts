import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fileLookout } from "../../src/discovery/file-discovery.js";
import { systemClock } from "../../src/model/clock.js";
import { Discovered } from "../support/discovered.js";
import { eventually } from "../support/eventually.js";

let directory: string;
let discovered: Discovered;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "narthex-file-sd-"));
});

afterEach(async () => {
  await discovered.discovery.stop();
  rmSync(directory, { recursive: true, force: true });
});

const path = (name: string) => join(directory, name);
const write = (name: string, text: string) => writeFileSync(path(name), text);

function run(patterns: readonly string[], refreshIntervalMs = 300_000): void {
  discovered = new Discovered(
    fileLookout({ kind: "file", files: patterns.map(path), refreshIntervalMs }, systemClock),
  );
  discovered.run();
}

/** Addresses with the names of their files. */
function targets(): string[] {
  return discovered.targets.map((labels) => {
    const [, address, file] = /__address__="(.*?)", __meta_filepath="(.*?)"/.exec(labels) ?? [];
    return `${address} ${file?.slice(directory.length + 1)}`;
  });
}

const become = (expected: readonly string[]) => eventually(() => expect(targets()).toEqual(expected));
const looked = (times: number) =>
  eventually(() => expect(discovered.discovery.status.refreshes).toBeGreaterThanOrEqual(times));

describe("targets in files", () => {
  it("come from the files that a pattern names, JSON and YAML", async () => {
    write("a.json", '[{"targets": ["a:1"]}]');
    write("b.yml", "- targets: [b:1, b:2]\n");
    write("b.yml.tmp", "- targets: [none:1]\n");
    write("c.yaml", "- targets: [c:1]\n");
    write("ab.json", '[{"targets": ["ab:1"]}]');
    run(["*.json", "b.yml", "c*.yaml", "missing.json"]);
    await become(["a:1 a.json", "ab:1 ab.json", "b:1 b.yml", "b:2 b.yml", "c:1 c.yaml"]);
    expect(discovered.discovery.status).toMatchObject({ kind: "file", failures: 0, lastError: "" });
  });

  it("change when a file changes, comes, or goes, at once", async () => {
    write("a.json", '[{"targets": ["a:1"]}]');
    run(["*.json"]);
    await become(["a:1 a.json"]);
    write("a.json", '[{"targets": ["a:2"]}]');
    await become(["a:2 a.json"]);
    write("b.json.new", '[{"targets": ["b:1"]}]');
    renameSync(path("b.json.new"), path("b.json"));
    await become(["a:2 a.json", "b:1 b.json"]);
    rmSync(path("a.json"));
    await become(["b:1 b.json"]);
    expect(discovered.events).toEqual([]);
  });

  it("stay as they were while a file is malformed, which is said once", async () => {
    write("a.yml", "- targets: [a:1]\n");
    write("b.yml", "- targets: [b:1]\n");
    run(["*.yml"], 120);
    await become(["a:1 a.yml", "b:1 b.yml"]);
    write("a.yml", "- target: [a:2]\n");
    write("b.yml", "- targets: [b:2]\n");
    await become(["a:1 a.yml", "b:2 b.yml"]);
    await looked(discovered.discovery.status.refreshes + 2);
    const reason = `${path("a.yml")}: group 1 has the unknown key "target"`;
    expect(discovered.discovery.status.lastError).toBe(reason);
    expect(discovered.discovery.status.failures).toBeGreaterThanOrEqual(2);
    expect(discovered.events).toEqual([
      {
        level: "warning",
        message: `file discovery of ${path("*.yml")} keeps the targets that it had: ${reason}`,
      },
    ]);
    write("a.yml", "- targets: [a:3]\n");
    await become(["a:3 a.yml", "b:2 b.yml"]);
    await eventually(() => expect(discovered.events.at(-1)?.message).toContain("works again"));
    expect(discovered.discovery.status.lastError).toBe("");
  });

  it("are those of a whole file, never of its beginning", async () => {
    write("a.yml", "- targets: [a:1]\n");
    run(["a.yml"]);
    await become(["a:1 a.yml"]);
    const seen = new Set<string>();
    // Every beginning that ends with a line is a list of targets of its own.
    write("a.yml", "");
    for (let i = 0; i < 8; i++) {
      appendFileSync(path("a.yml"), `- targets: [b:${i}]\n`);
      await new Promise((resolve) => systemClock.schedule(15, () => resolve(undefined)));
      seen.add(targets().join(" "));
    }
    await become(Array.from({ length: 8 }, (_, i) => `b:${i} a.yml`));
    expect([...seen]).toEqual(["a:1 a.yml"]);
  });

  it("stay while their directory cannot be listed", async () => {
    mkdirSync(path("real"));
    symlinkSync(path("real"), path("d"));
    write("d/a.json", '[{"targets": ["a:1"]}]');
    write("b.json", '[{"targets": ["b:1"]}]');
    run(["d/*.json", "b.json"], 100);
    await become(["b:1 b.json", "a:1 d/a.json"]);
    symlinkSync(path("b.json"), path("file"));
    renameSync(path("file"), path("d"));
    write("b.json", '[{"targets": ["b:2"]}]');
    await become(["b:2 b.json", "a:1 d/a.json"]);
    await eventually(() =>
      expect(discovered.discovery.status.lastError).toContain(`cannot list ${path("d")}`),
    );
    symlinkSync(path("real"), path("again"));
    renameSync(path("again"), path("d"));
    await eventually(() => expect(discovered.discovery.status.lastError).toBe(""));
    expect(targets()).toEqual(["b:2 b.json", "a:1 d/a.json"]);
  });

  it("are found in a directory that comes later", async () => {
    run(["later/*.json"], 50);
    await looked(1);
    mkdirSync(path("later"));
    write("later/a.json", '[{"targets": ["a:1"]}]');
    await become(["a:1 later/a.json"]);
  });

  it("are found no more once it has stopped", async () => {
    write("a.json", "[]");
    run(["a.json"], 20);
    await looked(1);
    await discovered.discovery.stop();
    write("a.json", '[{"targets": ["a:1"]}]');
    const { refreshes } = discovered.discovery.status;
    await new Promise((resolve) => systemClock.schedule(150, () => resolve(undefined)));
    expect(discovered.discovery.status.refreshes).toBe(refreshes);
    expect(targets()).toEqual([]);
  });
});
