import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/**
 * Says "my owner lives" about a file, by a lock that the kernel drops when the process ends, however it ends. Unlike a
 * process id it cannot be reused, and it holds across containers that share a directory. Node has no file locks of its
 * own, so SQLite's are used.
 */
export class FileLock {
  readonly #db: DatabaseSync;

  /** Locks an SQLite file, or makes an empty one. */
  constructor(path: string) {
    closeSync(openSync(path, "a", 0o600));
    this.#db = new DatabaseSync(path, { timeout: 0 });
    try {
      this.#db.exec("BEGIN EXCLUSIVE");
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  release(): void {
    if (this.#db.isOpen) {
      this.#db.close();
    }
  }
}

const SQLITE_BUSY = 5;

/** Whether a living process holds the lock. `false` as well for a file that is damaged, or none of SQLite's. */
export function isLocked(path: string): boolean {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: 0 });
    db.prepare("SELECT count(*) FROM sqlite_schema").get();
    return false;
  } catch (error) {
    return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
  } finally {
    db?.close();
  }
}
