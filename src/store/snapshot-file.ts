import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SnapshotFileError } from "../errors.ts";
import { quoteName } from "../quoting.ts";
import { FileLock, isLocked } from "./file-lock.ts";
import { checksumFile, isOursOrMissing, writeChecksum } from "./snapshot-checksum.ts";

/**
 * Writes the snapshot file: a compact copy of the store with nothing hidden in it, under a temporary name beside the
 * target, checksummed, on the disk, and only then renamed. So the target is at any moment, also after a crash, one
 * whole file of one process, whoever else writes to the same path.
 */
export class SnapshotWriter {
  readonly path: string;
  /** Whether the store differs from what the file holds. */
  dirty = false;

  constructor(path: string) {
    this.path = path;
  }

  /** Does nothing if nothing has changed. `hidden` tables stay out. No transaction is open. */
  save(db: DatabaseSync, originKnown: boolean, hidden: readonly string[]): void {
    if (!this.dirty) {
      return;
    }
    if (!originKnown) {
      throw new SnapshotFileError(`${this.path} was not written: it is not known yet which database it is of`);
    }
    try {
      writeSnapshotFile(db, this.path, hidden);
    } catch (error) {
      throw cannotWrite(this.path, error);
    }
    this.dirty = false;
  }
}

function writeSnapshotFile(db: DatabaseSync, path: string, hidden: readonly string[]): void {
  const target = targetOf(path);
  const temporary = `${target}.tmp-${process.pid}-${randomBytes(8).toString("hex")}`;
  let fd: number | undefined;
  let lock: FileLock | undefined;
  try {
    closeSync(openSync(temporary, "wx", 0o600));
    db.prepare("VACUUM INTO ?").run(temporary);
    if (hidden.length > 0) {
      dropHidden(temporary, hidden);
    }
    lock = new FileLock(temporary);
    fd = openSync(temporary, "r+");
    writeChecksum(fd, checksumFile(fd).crc);
    fsyncSync(fd);
    renameSync(temporary, target);
    syncDirectory(dirname(target));
  } catch (error) {
    removeTemporary(temporary);
    throw error;
  } finally {
    // In this order: closing a descriptor drops the locks that the process has on the file.
    lock?.release();
    if (fd !== undefined) {
      closeSync(fd);
    }
  }
}

/** Half-loaded tables are copied with the rest, since that is faster than choosing, and removed from the copy. */
function dropHidden(file: string, hidden: readonly string[]): void {
  const copy = new DatabaseSync(file);
  try {
    copy.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN");
    for (const name of hidden) {
      copy.exec(`DROP TABLE IF EXISTS ${quoteName(name)}`);
    }
    copy.exec("COMMIT");
  } finally {
    copy.close();
  }
}

/** What is to be replaced. A symbolic link stays one, also if what it points to is not there yet. */
function targetOf(path: string): string {
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) {
    return isLink ? resolve(dirname(path), readlinkSync(path)) : path;
  }
  if (!stat.isFile()) {
    throw new Error(stat.isDirectory() ? "it is a directory" : "it is not a plain file");
  }
  if (!isOursOrMissing(path)) {
    throw new Error("it is not a file of SQLmem's, and is not replaced by one");
  }
  return isLink ? realpathSync(path) : path;
}

/** The rename itself must outlive a power cut. Some file systems cannot do that for a directory; then it may not. */
function syncDirectory(path: string): void {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY);
    fsyncSync(fd);
  } catch {
    // The file is whole either way: at worst the former one is found after a power cut.
  } finally {
    if (fd !== undefined) {
      closeSync(fd);
    }
  }
}

/** A temporary file this old and still empty belongs to a process that died while making it. */
const EMPTY_MS = 60_000;

/** Removes temporary files that killed processes left beside the snapshot file. */
export function sweepTemporaryFiles(path: string): void {
  const directory = dirname(path);
  const prefix = `${basename(path)}.tmp-`;
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return;
  }
  for (const name of names) {
    const parts = name.startsWith(prefix) ? TEMPORARY.exec(name.slice(prefix.length)) : null;
    if (parts !== null) {
      const file = join(directory, name.slice(0, name.length - (parts[2]?.length ?? 0)));
      try {
        if (isAbandoned(file, Number(parts[1]))) {
          removeTemporary(file);
        }
      } catch {
        // Not ours to remove.
      }
    }
  }
}

/** What follows `<target>.tmp-`: process id and random number, and SQLite's journal of it. */
const TEMPORARY = /^(\d+)-[0-9a-f]{16}(-journal)?$/;

function removeTemporary(file: string): void {
  rmSync(file, { force: true });
  rmSync(`${file}-journal`, { force: true });
}

/**
 * The process id alone says too little (another container's processes are not seen; an id is used again), nor does the
 * lock (it is not held for the first moments).
 */
function isAbandoned(file: string, pid: number): boolean {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat?.size === 0 && stat.mtimeMs > Date.now() - EMPTY_MS) {
    return false;
  }
  return (pid === process.pid || !isAlive(pid)) && !isLocked(file);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

const REMEDY = "Set SQLMEM_CACHE_DB (option cacheDb) to a file in a directory that can be written to, or turn it off";

function cannotWrite(path: string, error: unknown): SnapshotFileError {
  const message = error instanceof Error ? error.message : String(error);
  const hint = /disk is full|ENOSPC|EDQUOT/.test(message) ? "Make room on the disk" : REMEDY;
  return new SnapshotFileError(
    `${path} was not written: ${message}. ${hint}. The cache goes on in memory, and what the file held stays as it was`,
    { cause: error },
  );
}
