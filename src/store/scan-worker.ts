/** A scan worker's entry: runs one statement at a time, each in a read transaction of its own. */
import type { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { RegisterFunctions, StoreRow } from "./contract.ts";
import { encodeError, type ScanMessage, type ScanReply, type ScanRequest, type ScanWorkerData } from "./protocol.ts";
import { StatementCache } from "./statement-cache.ts";
import { BUSY, stoppable } from "./stoppable.ts";
import { openReader } from "./store-file.ts";

const STATEMENTS = 50;
/** Values in one piece of a result: about a millisecond of the main thread. */
const BATCH_VALUES = 2000;

class Scanner {
  readonly resources = new Map<string, unknown>();
  readonly #register: RegisterFunctions;
  #file: string | null = null;
  #db: DatabaseSync | null = null;
  #statements: StatementCache | null = null;
  /** The result that is being sent. */
  #rows: readonly StoreRow[] = [];
  #commit = 0;
  #milliseconds = 0;
  #sent = 0;

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
        const before = process.threadCpuUsage();
        this.#rows = statements.get(sql).all(...values);
        const { user, system } = process.threadCpuUsage(before);
        this.#milliseconds = (user + system) / 1000;
        this.#commit = Number(commit);
        this.#sent = 0;
        return this.next();
      } finally {
        db.exec("COMMIT");
      }
    } catch (error) {
      return { kind: "failed", error: encodeError(error) };
    }
  }

  /** The next piece of the result. */
  next(): ScanReply {
    const size = Math.max(1, Math.floor(BATCH_VALUES / (this.#rows[0]?.length ?? 1)));
    const rows = this.#rows.slice(this.#sent, this.#sent + size);
    this.#sent += rows.length;
    const more = this.#sent < this.#rows.length;
    if (!more) this.drop();
    return { kind: "rows", rows, commit: this.#commit, milliseconds: this.#milliseconds, more };
  }

  drop(): void {
    this.#rows = [];
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
  switch (message.kind) {
    case "provide":
      scanner.resources.set(message.key, message.resource);
      return;
    case "drop":
      scanner.drop();
      return;
    case "more":
      port.postMessage(scanner.next());
      return;
    case "scan": {
      const reply = scanner.run(message);
      Atomics.store(state, BUSY, 0);
      Atomics.notify(state, BUSY);
      port.postMessage(reply);
    }
  }
});
