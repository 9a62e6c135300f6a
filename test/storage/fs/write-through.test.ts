import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StorageError } from "../../../src/model/errors.js";
import type { WritableFile } from "../../../src/storage/fs/file-system.js";
import { systemErrorCode } from "../../../src/storage/fs/storage-failure.js";
import { createWriteThrough } from "../../../src/storage/fs/write-through.js";
import { MemFileSystem } from "../../support/mem-file-system.js";

const bytes = (text: string) => new TextEncoder().encode(text);

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(`${tmpdir()}/narthex-through-`);
});
afterEach(() => rm(directory, { recursive: true }));

/** All keep the same contract. */
const implementations: readonly [string, (path: string) => Promise<WritableFile>][] = [
  ["as this system does it", (path) => createWriteThrough(path)],
  ["in one step", (path) => createWriteThrough(path, async () => true)],
  ["by a sync of each write", (path) => createWriteThrough(path, async () => false)],
  [
    "in memory",
    async (path) => {
      const fileSystem = new MemFileSystem();
      await fileSystem.makeDirectory(directory);
      return fileSystem.createWriteThrough(path);
    },
  ],
];

describe.each(implementations)("a file that writes through, %s", (name, create) => {
  it("writes behind the end, and behind a cut", async () => {
    const file = await create(`${directory}/file`);
    await file.write(bytes("0123456789"));
    await file.truncate(4);
    await file.sync();
    await file.write(bytes("abc"));
    expect(file.size).toBe(7);
    await file.close();
    if (name !== "in memory") expect(await readFile(`${directory}/file`, "utf8")).toBe("0123abc");
  });
});

it.each([true, false])("createWriteThrough leaves alone what exists (in one step: %s)", async (isOneStep) => {
  await writeFile(`${directory}/file`, "old");
  const refused = await createWriteThrough(`${directory}/file`, async () => isOneStep).catch(
    (error: unknown) => error,
  );
  expect(refused).toBeInstanceOf(StorageError);
  expect(systemErrorCode(refused)).toBe("EEXIST");
  expect(await readFile(`${directory}/file`, "utf8")).toBe("old");
});

it("createWriteThrough leaves no file when it fails half way", async () => {
  const created = createWriteThrough(`${directory}/file`, async () => {
    throw new StorageError("too many files are open");
  });
  await expect(created).rejects.toThrow("too many files");
  expect(readdirSync(directory)).toEqual([]);
});

describe.skipIf(process.platform !== "linux")("on Linux", () => {
  it("in one step means a handle that is opened with O_DSYNC, and closed with the file", async () => {
    const path = `${directory}/file`;
    const oneStep = await createWriteThrough(path, async () => true);
    expect(dataSyncsOf(path).sort()).toEqual([false, true]);
    await oneStep.close();
    expect(dataSyncsOf(path)).toEqual([]);
    const twoSteps = await createWriteThrough(`${directory}/other`, async () => false);
    expect(dataSyncsOf(`${directory}/other`)).toEqual([false]);
    await twoSteps.close();
  });
});

/** Of each handle that this process has of the file: whether it was opened with O_DSYNC. */
function dataSyncsOf(path: string): boolean[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`) !== path) return [];
      const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"));
      return [(Number.parseInt(flags?.[1] ?? "0", 8) & 0o10000) !== 0];
    } catch {
      // The handle by which the directory was listed is gone.
      return [];
    }
  });
}

describe("a crash of the machine", () => {
  it("takes nothing of a write that has resolved, and may tear one that has not", async () => {
    const found = new Set<string>();
    const fileSystem = new MemFileSystem();
    const file = await fileSystem.createWriteThrough("file");
    await fileSystem.syncDirectory("");
    await file.write(bytes("first"));
    let fate = 0;
    fileSystem.onOperation = ({ kind }) => {
      if (kind !== "sync") return;
      for (fate = 0; fate < 1; fate += 0.1) crashes.push(fileSystem.crash(() => fate));
    };
    const crashes: MemFileSystem[] = [];
    await file.write(bytes("second"));
    for (const crashed of crashes) found.add(Buffer.from(await crashed.readFile("file")).toString());
    expect(found).toContain("first");
    expect(found).toContain("firstsecond");
    expect(found.size).toBeGreaterThan(2);
    expect(Buffer.from(await fileSystem.crash(() => 0).readFile("file")).toString()).toBe("firstsecond");
  });
});
