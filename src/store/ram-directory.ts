import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, statfsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileLock, isLocked } from "./file-lock.ts";
import { asStoreError } from "./protocol.ts";

const LOCK = "owner.lock";
const NAME = /^sqlmem-\d+-[0-9a-f]{16}$/;

/** Without a lock file, a directory this old was left by a process that died while making it. */
const LOCK_MISSING_MS = 60_000;

/** The old version of a table stays until the new one is loaded, and changes go through the WAL: room for that. */
const ROOM_FACTOR = 1.5;

/** Memory file systems; where there is none the temporary directory serves, whose files live in the page cache. */
const RAM_DIRECTORIES = ["/dev/shm"];

/**
 * A private directory for one store's files, in RAM where there is room, gone when the process is. What a killed
 * process left behind is removed by the next one.
 */
export class RamDirectory {
  readonly path: string;
  readonly #lock: FileLock;

  private constructor(path: string, lock: FileLock) {
    this.path = path;
    this.#lock = lock;
  }

  /** `bases` in order of preference; the last one is taken whatever its room. */
  static create(maxBytes: number, bases: readonly string[] = [...RAM_DIRECTORIES, tmpdir()]): RamDirectory {
    for (const base of bases) {
      sweep(base);
    }
    let failure: unknown;
    for (const [index, base] of bases.entries()) {
      if (index < bases.length - 1 && !hasRoom(base, maxBytes * ROOM_FACTOR)) {
        continue;
      }
      try {
        return RamDirectory.#make(base);
      } catch (error) {
        failure = error;
      }
    }
    throw asStoreError(failure, `No directory for the store among ${bases.join(", ")}`);
  }

  static #make(base: string): RamDirectory {
    const path = join(base, `sqlmem-${process.pid}-${randomBytes(8).toString("hex")}`);
    mkdirSync(path, { mode: 0o700 });
    try {
      const directory = new RamDirectory(path, new FileLock(join(path, LOCK)));
      removeAtExit.add(path);
      return directory;
    } catch (error) {
      rmSync(path, { recursive: true, force: true });
      throw error;
    }
  }

  /** Removes the directory; its lock is held on, as the process ends now. */
  removeFiles(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  remove(): void {
    this.#lock.release();
    rmSync(this.path, { recursive: true, force: true });
    removeAtExit.delete(this.path);
  }
}

/** One listener for all stores of the process, there only while it has something to do. */
const removeAtExit = new (class {
  readonly #paths = new Set<string>();

  add(path: string): void {
    if (this.#paths.size === 0) {
      process.on("exit", this.#remove);
    }
    this.#paths.add(path);
  }

  delete(path: string): void {
    this.#paths.delete(path);
    if (this.#paths.size === 0) {
      process.off("exit", this.#remove);
    }
  }

  readonly #remove = (): void => {
    for (const path of this.#paths) {
      try {
        rmSync(path, { recursive: true, force: true });
      } catch {
        // The process ends now; the next one to start sweeps what is left.
      }
    }
  };
})();

function hasRoom(base: string, bytes: number): boolean {
  try {
    const { bavail, bsize } = statfsSync(base);
    return bavail * bsize >= bytes;
  } catch {
    return false;
  }
}

/** Removes directories of dead processes. Anything in the way (another user's, gone already) is left alone. */
function sweep(base: string): void {
  let names: string[];
  try {
    names = readdirSync(base).filter((name) => NAME.test(name));
  } catch {
    return;
  }
  for (const name of names) {
    const path = join(base, name);
    try {
      if (isAbandoned(path)) {
        rmSync(path, { recursive: true, force: true });
      }
    } catch {
      // Not ours to remove.
    }
  }
}

function isAbandoned(path: string): boolean {
  const lock = statSync(join(path, LOCK), { throwIfNoEntry: false });
  if (lock === undefined) {
    return statSync(path).mtimeMs < Date.now() - LOCK_MISSING_MS;
  }
  const ours = process.geteuid === undefined || lock.uid === process.geteuid();
  return ours && !isLocked(join(path, LOCK));
}
