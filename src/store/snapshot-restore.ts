import { closeSync, constants, fstatSync, openSync, realpathSync, rmSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SnapshotFileError } from "../errors.ts";
import type { OriginIdentity } from "./contract.ts";
import { checksumFile } from "./snapshot-checksum.ts";
import { sweepTemporaryFiles } from "./snapshot-file.ts";
import { SCHEMA_VERSION } from "./store-file.ts";
import { TableRecords } from "./table-records.ts";

/**
 * Why a snapshot file is not used, and what becomes of it: one of ours is removed, so that the next flush writes a new
 * one; what is not ours, could not be read, or may be right for another process stays.
 */
class Unusable extends Error {
  readonly fate: "remove" | "leave";

  constructor(reason: string, fate: "remove" | "leave") {
    super(reason);
    this.fate = fate;
  }
}

/**
 * Copies the snapshot file into `directory` and returns the copy's path, or `null` if there is no snapshot file. Whatever
 * is checked is checked on the copy, or on the very bytes that it was made of, so nobody can change it afterwards.
 * Throws one `SnapshotFileError` when the file cannot be used.
 */
export function restoreSnapshotFile(
  path: string,
  directory: string,
  identity: OriginIdentity,
  maxBytes: number,
): string | null {
  sweepTemporaryFiles(path);
  const copy = join(directory, "restored.db");
  let source: { readonly fd: number; readonly stat: Stats } | null = null;
  try {
    source = open(path);
    if (source === null) {
      return null;
    }
    copyChecked(source.fd, source.stat, copy, maxBytes);
    checkContent(copy, identity);
    return copy;
  } catch (error) {
    rmSync(copy, { force: true });
    throw describe(path, error, source === null ? "" : settle(path, source.stat, error));
  } finally {
    if (source !== null) {
      closeSync(source.fd);
    }
  }
}

function open(path: string): { readonly fd: number; readonly stat: Stats } | null {
  let fd: number;
  try {
    // A pipe would otherwise block until someone writes to it.
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return null;
    }
    throw error;
  }
  const stat = fstatSync(fd);
  if (!stat.isFile()) {
    closeSync(fd);
    throw new Unusable(stat.isDirectory() ? "it is a directory" : "it is not a plain file", "leave");
  }
  return { fd, stat };
}

function copyChecked(fd: number, stat: Stats, copy: string, maxBytes: number): void {
  if (stat.size > maxBytes) {
    throw new Unusable(`it has ${stat.size} bytes, more than the ${maxBytes} that the cache may have`, "leave");
  }
  const copyFd = openSync(copy, "wx", 0o600);
  try {
    const { isOurs, expected, crc, bytes } = checksumFile(fd, copyFd);
    if (!isOurs) {
      throw new Unusable("it is not a file of SQLmem's, and will not be replaced by one", "leave");
    }
    if (bytes === 0 || expected !== crc) {
      throw new Unusable(bytes === 0 ? "it is empty" : "it is damaged (its checksum is wrong)", "remove");
    }
  } finally {
    closeSync(copyFd);
  }
}

function checkContent(copy: string, identity: OriginIdentity): void {
  const db = new DatabaseSync(copy);
  try {
    const version = db.prepare("SELECT value FROM sqlmem_meta WHERE key = 'schema_version'").get()?.value;
    if (version !== SCHEMA_VERSION) {
      throw new Unusable(`it has layout ${version}, this version of SQLmem reads layout ${SCHEMA_VERSION}`, "remove");
    }
    const records = new TableRecords(db);
    for (const [key, value] of Object.entries(identity)) {
      const found = records.meta(`origin_${key}`);
      if (found !== value) {
        throw new Unusable(`it is of another origin (${key} is ${found}, not ${value})`, "remove");
      }
    }
    const taken = records.takenNames();
    for (const table of records.all()) {
      if (!taken.has(table.storeName.toLowerCase())) {
        throw new Unusable(`its table ${table.storeName} is missing`, "remove");
      }
    }
  } catch (error) {
    throw error instanceof Unusable ? error : new Unusable(`it cannot be read (${messageOf(error)})`, "remove");
  } finally {
    db.close();
  }
}

/** Deals with the file that was read, unless another process has put a new one in its place. Says what was done. */
function settle(path: string, stat: Stats, error: unknown): string {
  if (!(error instanceof Unusable) || error.fate === "leave") {
    return "";
  }
  try {
    const file = realpathSync(path);
    const now = statSync(file);
    if (now.ino !== stat.ino || now.dev !== stat.dev) {
      return "";
    }
    rmSync(file);
    return "; it was removed";
  } catch {
    // Not ours to change: the next flush replaces it, or says why it cannot.
    return "";
  }
}

function describe(path: string, error: unknown, fate: string): SnapshotFileError {
  return new SnapshotFileError(
    `${path} was not used: ${messageOf(error)}${fate}. The cache starts empty and is filled from the origin. ` +
      "If several programs share this path, give each its own SQLMEM_CACHE_DB (option cacheDb)",
    { cause: error },
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
