/** A scan worker's entry: runs one statement at a time, each in a read transaction of its own. */
import type { DatabaseSync } from "node:sqlite";
import { parentPort } from "node:worker_threads";
import { encodeError, type ScanReply, type ScanRequest } from "./protocol.ts";
import { StatementCache } from "./statement-cache.ts";
import { openReader } from "./store-file.ts";

const STATEMENTS = 50;

class Scanner {
  #file: string | null = null;
  #db: DatabaseSync | null = null;
  #statements: StatementCache | null = null;

  run({ file, sql, values, versions }: ScanRequest): ScanReply {
    try {
      const { db, statements } = this.#open(file);
      db.exec("BEGIN");
      try {
        const version = statements.get("SELECT version FROM sqlmem_tables WHERE id = ?");
        if (versions.some(([id, expected]) => version.get(id)?.[0] !== expected)) {
          return { kind: "moved" };
        }
        return { kind: "rows", rows: statements.get(sql).all(...values) };
      } finally {
        db.exec("COMMIT");
      }
    } catch (error) {
      return { kind: "failed", error: encodeError(error) };
    }
  }

  #open(file: string): { readonly db: DatabaseSync; readonly statements: StatementCache } {
    if (this.#db === null || this.#statements === null || this.#file !== file) {
      this.#db?.close();
      this.#db = openReader(file);
      this.#statements = new StatementCache(this.#db, STATEMENTS);
      this.#file = file;
    }
    return { db: this.#db, statements: this.#statements };
  }
}

const port = parentPort;
if (port === null) {
  throw new Error("store/scan-worker runs as a worker thread only");
}
const scanner = new Scanner();
port.on("message", (request: ScanRequest) => port.postMessage(scanner.run(request)));
