import { describe, expect, it } from "vitest";
import type { FileSystem, WritableFile } from "../../src/storage/fs/file-system.js";
import { Simulation, type SimulationOptions } from "./simulation.js";

const steps = 50;
/** SEED=7 repeats one; FROM=1001 SEEDS=1000 runs as many from there on. */
const { SEED, FROM = "1", SEEDS = "200" } = process.env;
const seeds =
  SEED === undefined ? Array.from({ length: Number(SEEDS) }, (_, i) => Number(FROM) + i) : [Number(SEED)];

describe("a database that crashes", () => {
  for (const seed of seeds) {
    it(`loses nothing acknowledged and shows nothing by halves (SEED=${seed})`, async () => {
      await new Simulation({ seed, steps }).run();
    });
  }
});

describe("the simulation", () => {
  it("comes across what it is for", async () => {
    const seen = { resumptions: 0, keptValues: 0, replacedValues: 0, denseChunks: 0 };
    for (let seed = 1; seed <= 20; seed++) {
      const simulation = new Simulation({ seed, steps });
      await simulation.run();
      for (const name of Object.keys(seen) as (keyof typeof seen)[])
        seen[name] += simulation.occurrences[name];
    }
    for (const [name, count] of Object.entries(seen)) expect(count, name).toBeGreaterThan(3);
  });

  it("catches a log that is not synced", async () => {
    expect(await findViolation((fileSystem) => changingFiles(fileSystem, "/wal/", unsynced))).toBeDefined();
  });

  it("catches refused writes that are not taken back", async () => {
    expect(
      await findViolation((fileSystem) => changingFiles(fileSystem, "/wal/", untruncated)),
    ).toBeDefined();
  });

  it("catches directories that are not synced", async () => {
    expect(await findViolation(withoutDirectorySync)).toBeDefined();
  });

  it("catches blocks that are not synced", async () => {
    expect(await findViolation((fileSystem) => changingFiles(fileSystem, ".tmp/", unsynced))).toBeDefined();
  });
});

/** The first seed with a violation. */
async function findViolation(tamper: NonNullable<SimulationOptions["tamper"]>): Promise<number | undefined> {
  for (let seed = 1; seed <= 30; seed++) {
    try {
      await new Simulation({ seed, steps, tamper }).run();
    } catch {
      return seed;
    }
  }
  return undefined;
}

/** What a bad disk forgets to do. */
const unsynced: Partial<WritableFile> = { sync: async () => {} };
const untruncated: Partial<WritableFile> = { truncate: async () => {} };

/** A disk that treats files badly whose path contains `part`. */
function changingFiles(fileSystem: FileSystem, part: string, changes: Partial<WritableFile>): FileSystem {
  const changed = (path: string, file: WritableFile): WritableFile => {
    if (!`/${path}`.includes(part)) return file;
    return {
      get size() {
        return file.size;
      },
      write: (bytes) => file.write(bytes),
      sync: () => file.sync(),
      truncate: (size) => file.truncate(size),
      close: () => file.close(),
      ...changes,
    };
  };
  return delegate(fileSystem, {
    create: async (path) => changed(path, await fileSystem.create(path)),
    createWriteThrough: async (path) =>
      changed(path, await (changes.sync ? fileSystem.create(path) : fileSystem.createWriteThrough(path))),
    openForAppend: async (path) => changed(path, await fileSystem.openForAppend(path)),
  });
}

function withoutDirectorySync(fileSystem: FileSystem): FileSystem {
  return delegate(fileSystem, { syncDirectory: async () => {} });
}

function delegate(fileSystem: FileSystem, changes: Partial<FileSystem>): FileSystem {
  return {
    openForRead: (path) => fileSystem.openForRead(path),
    create: (path) => fileSystem.create(path),
    createWriteThrough: (path) => fileSystem.createWriteThrough(path),
    openForAppend: (path) => fileSystem.openForAppend(path),
    readFile: (path) => fileSystem.readFile(path),
    list: (path) => fileSystem.list(path),
    makeDirectory: (path) => fileSystem.makeDirectory(path),
    rename: (from, to) => fileSystem.rename(from, to),
    link: (from, to) => fileSystem.link(from, to),
    remove: (path) => fileSystem.remove(path),
    syncDirectory: (path) => fileSystem.syncDirectory(path),
    createExclusive: (path, content) => fileSystem.createExclusive(path, content),
    freeBytes: (path) => fileSystem.freeBytes(path),
    createScratch: (path) => fileSystem.createScratch(path),
    ...changes,
  };
}
