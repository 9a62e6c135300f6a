/**
 * MemFileSystem: a FileSystem in memory that knows what a crash of the machine would leave.
 *
 * A file has durable bytes and writes since its last sync; a directory has durable names and changes since its last
 * sync. `crash` keeps, loses or tears each unsynced write, and keeps or loses each unsynced change of names (a
 * rename as one), as the given random source says. `kill` keeps everything, as a killed process does.
 *
 * A file that writes through syncs each write.
 *
 * Pessimistic on purpose: unsynced writes are lost independently of each other (a lost one leaves zeros before a
 * kept one), changes of names in any combination, and a sync that failed never makes its writes durable later.
 */

import { DiskFullError, StorageError } from "../../src/model/errors.js";
import type {
  FileSystem,
  ReadableFile,
  ScratchFile,
  WritableFile,
} from "../../src/storage/fs/file-system.js";
import { storageFailure } from "../../src/storage/fs/storage-failure.js";

/** Numbers in [0, 1). */
export type Random = () => number;

export type FaultKind = "ENOSPC" | "EIO" | "EIO-write" | "sync" | "ENOSPC-sync";

export interface Operation {
  /** Counts from 1 over the life of the file system. */
  readonly index: number;
  readonly kind:
    | "open"
    | "create"
    | "read"
    | "list"
    | "makeDirectory"
    | "rename"
    | "link"
    | "remove"
    | "syncDirectory"
    | "write"
    | "sync"
    | "truncate";
  readonly path: string;
}

export class MemFileSystem implements FileSystem {
  /** Called before each operation takes effect: what `crash` gives then is the state between two operations. */
  onOperation: ((operation: Operation) => void) | undefined;
  /** What `freeBytes` tells. Nothing enforces it: see `failAfter`. */
  free = Infinity;
  readonly #root: Directory;
  /** Changes of names that are not durable, oldest first. */
  #changes: NameChange[];
  #operations = 0;
  #fault: { readonly kind: FaultKind; readonly from: number } | undefined;

  constructor(root: Directory = new Directory(), changes: NameChange[] = []) {
    this.#root = root;
    this.#changes = changes;
  }

  /** Operations so far. */
  get operations(): number {
    return this.#operations;
  }

  /**
   * Lets `operations` more operations pass; from then on, until `heal`, those fail which need what is broken:
   * "ENOSPC" writes (the first half of the bytes arrives) and creations, "EIO" all that touch a device,
   * "EIO-write" writes (the first half of the bytes arrives), "sync" syncs, "ENOSPC-sync" likewise for want of room.
   */
  failAfter(operations: number, kind: FaultKind): void {
    this.#fault = { kind, from: this.#operations + operations };
  }

  heal(): void {
    this.#fault = undefined;
  }

  /** What the machine finds after a power loss at this moment; this file system is not changed. */
  crash(random: Random): MemFileSystem {
    const clone = new Cloning(
      (file) => file.afterCrash(random),
      (directory) => directory.durable,
    );
    const root = clone.directory(this.#root);
    for (const change of this.#changes) {
      if (random() < 0.5) continue;
      for (const { directory, name, node } of change.parts) {
        setName(clone.directory(directory).durable, name, node && clone.node(node));
      }
    }
    clone.showDurableNames();
    return new MemFileSystem(root);
  }

  /** What another process finds after this one was killed: everything, with its durability as it is. */
  kill(): MemFileSystem {
    const clone = new Cloning(
      (file) => file.clone(),
      (directory) => directory.names,
    );
    const root = clone.directory(this.#root);
    const changes = this.#changes.map(({ parts }) => ({
      parts: parts.map(({ directory, name, node }) => ({
        directory: clone.directory(directory),
        name,
        node: node && clone.node(node),
      })),
    }));
    clone.copyDurableNames();
    return new MemFileSystem(root, changes);
  }

  async openForRead(path: string): Promise<ReadableFile> {
    this.#begin("open", path);
    const file = this.#file("open", path);
    const { size } = file;
    return {
      size,
      read: async (into, position) => {
        this.#begin("read", path);
        const found = file
          .bytes()
          .subarray(position, Math.max(position, Math.min(position + into.length, file.size)));
        into.set(found);
        return found.length;
      },
      close: async () => {},
    };
  }

  async create(path: string): Promise<WritableFile> {
    this.#begin("create", path);
    return this.#writable(path, this.#createFile(path));
  }

  /**
   * A write and a sync that come one after the other: a crash between them may tear the write. What failed is not
   * told: after anything but "ENOSPC", the bytes are in doubt as after a failed sync.
   */
  async createWriteThrough(path: string): Promise<WritableFile> {
    const file = await this.create(path);
    const content = this.#file("create", path);
    const { write, sync } = file;
    let failure: unknown;
    const syncOnce = async () => {
      if (failure !== undefined) throw failure;
      try {
        await sync();
      } catch (error) {
        failure = error;
        throw error;
      }
    };
    return Object.assign(file, {
      write: async (bytes: Uint8Array) => {
        try {
          await write(bytes);
        } catch (error) {
          if (!(error instanceof DiskFullError)) {
            failure = error;
            content.failSync();
          }
          throw error;
        }
        await syncOnce();
      },
      sync: syncOnce,
    });
  }

  async openForAppend(path: string): Promise<WritableFile> {
    this.#begin("open", path);
    return this.#writable(path, this.#file("open", path));
  }

  async readFile(path: string): Promise<Uint8Array> {
    this.#begin("read", path);
    return this.#file("read", path).bytes().slice();
  }

  async list(path: string): Promise<readonly string[]> {
    this.#begin("list", path);
    const directory = this.#directory("list", path);
    return [...directory.names].map(([name, node]) => (node instanceof Directory ? `${name}/` : name)).sort();
  }

  async makeDirectory(path: string): Promise<void> {
    this.#begin("makeDirectory", path);
    let directory = this.#root;
    for (const name of partsOf(path)) {
      let next = directory.names.get(name);
      if (next instanceof MemFile) throw failure("create the directory", path, "ENOTDIR");
      if (next === undefined) {
        next = new Directory();
        this.#change([{ directory, name, node: next }]);
      }
      directory = next;
    }
  }

  async rename(from: string, to: string): Promise<void> {
    this.#begin("rename", from);
    const source = this.#place("rename", from);
    const target = this.#place("rename", to);
    const node = source.directory.names.get(source.name);
    if (node === undefined) throw failure("rename", from, "ENOENT");
    this.#change([
      { ...source, node: undefined },
      { ...target, node },
    ]);
  }

  async link(from: string, to: string): Promise<void> {
    this.#begin("link", to);
    const file = this.#file("link", from);
    const target = this.#place("link", to);
    if (target.directory.names.has(target.name)) throw failure("link", to, "EEXIST");
    this.#change([{ ...target, node: file }]);
  }

  async remove(path: string): Promise<void> {
    this.#begin("remove", path);
    const place = this.#find(path);
    if (place === undefined || !place.directory.names.has(place.name)) return;
    this.#change([{ ...place, node: undefined }]);
  }

  async syncDirectory(path: string): Promise<void> {
    this.#begin("syncDirectory", path);
    const directory = this.#directory("sync the directory", path);
    const left: NameChange[] = [];
    for (const { parts } of this.#changes) {
      for (const part of parts) {
        if (part.directory === directory) setName(directory.durable, part.name, part.node);
      }
      const others = parts.filter((part) => part.directory !== directory);
      if (others.length > 0) left.push({ parts: others });
    }
    this.#changes = left;
  }

  async createExclusive(path: string, content: string): Promise<boolean> {
    this.#begin("create", path);
    const place = this.#place("create", path);
    if (place.directory.names.has(place.name)) return false;
    this.#createFile(path).write(new TextEncoder().encode(content));
    return true;
  }

  async freeBytes(): Promise<number> {
    return this.free;
  }

  /** What is in it is gone with the process, so that nobody finds it after a crash. */
  createScratch(path: string): ScratchFile {
    let content = new Uint8Array(0);
    return {
      write: (bytes, position) => {
        this.#begin("write", path);
        const longer = new Uint8Array(Math.max(content.length, position + bytes.length));
        longer.set(content);
        longer.set(bytes, position);
        content = longer;
      },
      read: (into, position) => {
        this.#begin("read", path);
        into.set(content.subarray(position, position + into.length));
      },
      close: () => {},
    };
  }

  #writable(path: string, file: MemFile): WritableFile {
    return {
      get size() {
        return file.size;
      },
      write: async (bytes) => {
        try {
          this.#begin("write", path);
        } catch (error) {
          if (this.#fault?.kind !== "EIO") file.write(bytes.subarray(0, bytes.length >>> 1));
          throw error;
        }
        file.write(bytes);
      },
      sync: async () => {
        try {
          this.#begin("sync", path);
        } catch (error) {
          file.failSync();
          throw error;
        }
        file.sync();
      },
      truncate: async (size) => {
        this.#begin("truncate", path);
        file.truncate(size);
      },
      close: async () => {},
    };
  }

  /** Counts an operation, and throws when it is to fail. */
  #begin(kind: Operation["kind"], path: string): void {
    this.#operations++;
    this.onOperation?.({ index: this.#operations, kind, path });
    if (this.#fault === undefined || this.#operations <= this.#fault.from) return;
    if (faults[this.#fault.kind].has(kind))
      throw failure(kind, path, this.#fault.kind.startsWith("ENOSPC") ? "ENOSPC" : "EIO");
  }

  #createFile(path: string): MemFile {
    const place = this.#place("create", path);
    if (place.directory.names.has(place.name)) throw failure("create", path, "EEXIST");
    const file = new MemFile();
    this.#change([{ ...place, node: file }]);
    return file;
  }

  #change(parts: readonly NamePart[]): void {
    for (const { directory, name, node } of parts) setName(directory.names, name, node);
    this.#changes.push({ parts });
  }

  #file(action: string, path: string): MemFile {
    const place = this.#place(action, path);
    const node = place.directory.names.get(place.name);
    if (node === undefined) throw failure(action, path, "ENOENT");
    if (node instanceof Directory) throw failure(action, path, "EISDIR");
    return node;
  }

  #directory(action: string, path: string): Directory {
    let directory = this.#root;
    for (const name of partsOf(path)) {
      const next = directory.names.get(name);
      if (!(next instanceof Directory))
        throw failure(action, path, next === undefined ? "ENOENT" : "ENOTDIR");
      directory = next;
    }
    return directory;
  }

  /** The directory that holds, or would hold, `path`. */
  #place(action: string, path: string): { readonly directory: Directory; readonly name: string } {
    const parts = partsOf(path);
    const name = parts.pop();
    if (name === undefined) throw failure(action, path, "EPERM");
    return { directory: this.#directory(action, parts.join("/")), name };
  }

  #find(path: string): { readonly directory: Directory; readonly name: string } | undefined {
    try {
      return this.#place("remove", path);
    } catch (error) {
      if (error instanceof StorageError) return undefined;
      throw error;
    }
  }
}

const faults: Readonly<Record<FaultKind, ReadonlySet<Operation["kind"]>>> = {
  ENOSPC: new Set(["create", "write", "makeDirectory", "link"]),
  EIO: new Set([
    "open",
    "create",
    "read",
    "list",
    "write",
    "sync",
    "syncDirectory",
    "truncate",
    "rename",
    "link",
  ]),
  "EIO-write": new Set(["write"]),
  sync: new Set(["sync", "syncDirectory"]),
  "ENOSPC-sync": new Set(["sync"]),
};

type Node = MemFile | Directory;
type Names = Map<string, Node>;

interface NamePart {
  readonly directory: Directory;
  readonly name: string;
  /** Undefined when the name goes away. */
  readonly node: Node | undefined;
}

/** Changes that a crash keeps or loses together. */
interface NameChange {
  readonly parts: readonly NamePart[];
}

class Directory {
  readonly names: Names = new Map();
  readonly durable: Names = new Map();
}

/** A write at an offset, or a cut to a size. */
type FileChange = { readonly offset: number; readonly bytes: Uint8Array } | { readonly size: number };

class MemFile {
  #content = new GrowingBytes();
  #durable = new GrowingBytes();
  /** Since the last sync. */
  #changes: FileChange[] = [];
  /** Changes whose sync failed: the system forgot that they are not on the disk. */
  #doubtful: FileChange[] = [];

  get size(): number {
    return this.#content.size;
  }

  bytes(): Uint8Array {
    return this.#content.view();
  }

  write(bytes: Uint8Array): void {
    this.#do({ offset: this.size, bytes: bytes.slice() });
  }

  truncate(size: number): void {
    this.#do({ size });
  }

  sync(): void {
    if (this.#doubtful.length > 0) this.#doubtful.push(...this.#changes);
    else for (const change of this.#changes) this.#durable.apply(change);
    this.#changes = [];
  }

  failSync(): void {
    this.#doubtful.push(...this.#changes);
    this.#changes = [];
  }

  clone(): MemFile {
    const clone = new MemFile();
    clone.#content = this.#content.clone();
    clone.#durable = this.#durable.clone();
    clone.#changes = [...this.#changes];
    clone.#doubtful = [...this.#doubtful];
    return clone;
  }

  afterCrash(random: Random): MemFile {
    const clone = new MemFile();
    clone.#durable = this.#durable.clone();
    for (const change of [...this.#doubtful, ...this.#changes]) {
      const fate = random();
      if (fate < 1 / 3) continue;
      const isTorn = fate < 2 / 3 && "bytes" in change;
      clone.#durable.apply(
        isTorn
          ? { ...change, bytes: change.bytes.subarray(0, Math.floor(random() * change.bytes.length)) }
          : change,
      );
    }
    clone.#content = clone.#durable.clone();
    return clone;
  }

  #do(change: FileChange): void {
    this.#content.apply(change);
    this.#changes.push(change);
  }
}

class GrowingBytes {
  #buffer = new Uint8Array(64);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#size);
  }

  apply(change: FileChange): void {
    if ("size" in change) {
      this.#resize(change.size);
      return;
    }
    this.#resize(Math.max(this.#size, change.offset + change.bytes.length));
    this.#buffer.set(change.bytes, change.offset);
  }

  clone(): GrowingBytes {
    const clone = new GrowingBytes();
    clone.#buffer = this.#buffer.slice();
    clone.#size = this.#size;
    return clone;
  }

  #resize(size: number): void {
    if (size > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(size, this.#buffer.length * 2));
      grown.set(this.view());
      this.#buffer = grown;
    }
    if (size < this.#size) this.#buffer.fill(0, size, this.#size);
    this.#size = size;
  }
}

/** Clones a tree, each node once: a file may be reachable by an old and a new name. */
class Cloning {
  readonly #clones = new Map<Node, Node>();
  readonly #directories: [original: Directory, clone: Directory][] = [];
  readonly #cloneFile: (file: MemFile) => MemFile;
  readonly #namesOf: (directory: Directory) => Names;

  constructor(cloneFile: (file: MemFile) => MemFile, namesOf: (directory: Directory) => Names) {
    this.#cloneFile = cloneFile;
    this.#namesOf = namesOf;
  }

  node(original: Node): Node {
    return original instanceof Directory ? this.directory(original) : this.#file(original);
  }

  directory(original: Directory): Directory {
    const known = this.#clones.get(original);
    if (known !== undefined) return known as Directory;
    const clone = new Directory();
    this.#clones.set(original, clone);
    this.#directories.push([original, clone]);
    for (const [name, node] of this.#namesOf(original)) {
      const copy = this.node(node);
      clone.names.set(name, copy);
      clone.durable.set(name, copy);
    }
    return clone;
  }

  /** After a crash: what became durable is what is there. */
  showDurableNames(): void {
    for (const [, clone] of this.#directories) {
      clone.names.clear();
      for (const [name, node] of clone.durable) clone.names.set(name, node);
    }
  }

  /** After a kill: each directory keeps its own idea of what is durable. */
  copyDurableNames(): void {
    // Directories found by their durable names only are appended while this runs, and visited too.
    for (const [original, clone] of this.#directories) {
      clone.durable.clear();
      for (const [name, node] of original.durable) clone.durable.set(name, this.node(node));
    }
  }

  #file(original: MemFile): MemFile {
    const known = this.#clones.get(original);
    if (known !== undefined) return known as MemFile;
    const clone = this.#cloneFile(original);
    this.#clones.set(original, clone);
    return clone;
  }
}

function setName(names: Names, name: string, node: Node | undefined): void {
  if (node === undefined) names.delete(name);
  else names.set(name, node);
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function failure(action: string, path: string, code: string): StorageError {
  return storageFailure(action, path, Object.assign(new TypeError(code), { code }));
}
