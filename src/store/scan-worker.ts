/** A scan worker's entry: runs one statement at a time, each in a read transaction of its own. */
import type { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { RegisterFunctions } from "./contract.ts";
import { encodeError, type ScanMessage, type ScanReply, type ScanRequest, type ScanWorkerData } from "./protocol.ts";
import { StatementCache } from "./statement-cache.ts";
import { BUSY, stoppable } from "./stoppable.ts";
import { openReader } from "./store-file.ts";

const STATEMENTS = 50;

class Scanner {
  readonly resources = new Map<string, unknown>();
  readonly #register: RegisterFunctions;
  #file: string | null = null;
  #db: DatabaseSync | null = null;
  #statements: StatementCache | null = null;

  constructor(register: RegisterFunctions) {
    this.#register = register;
  }

  run({ file, sql, values, tables }: ScanRequest): ScanReply {
    try {
      const { db, statements } = this.#open(file);
      db.exec("BEGIN");
      try {
        const found = statements.get("SELECT version, dictionary_commit FROM sqlmem_tables WHERE id = ?");
        for (const [id, version, dictionaryCommit] of tables) {
          const [foundVersion, foundCommit] = found.get(id) ?? [];
          if (foundVersion !== version || (dictionaryCommit ?? foundCommit) !== foundCommit) {
            return { kind: "moved" };
          }
        }
        const [commit] = statements.get("SELECT value FROM sqlmem_meta WHERE key = 'commit'").get() ?? [];
        return { kind: "rows", rows: statements.get(sql).all(...values), commit: Number(commit) };
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
      this.#db = openReader(file, this.#register, this.resources);
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
const { functions, state }: ScanWorkerData = workerData;
const { registerFunctions }: { registerFunctions: RegisterFunctions } = await import(functions);
const scanner = new Scanner((target, resources) => registerFunctions(stoppable(target, state), resources));
port.on("message", (message: ScanMessage) => {
  if (message.kind === "provide") {
    scanner.resources.set(message.key, message.resource);
    return;
  }
  const reply = scanner.run(message);
  Atomics.store(state, BUSY, 0);
  Atomics.notify(state, BUSY);
  port.postMessage(reply);
});
