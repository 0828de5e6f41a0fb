import { closeSync, openSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { FunctionTarget, RegisterFunctions } from "./contract.ts";

/** "SQLm": tells our files from other SQLite files. */
export const APPLICATION_ID = 0x53514c6d;

/** The layout of the meta tables and of what is stored in them. A snapshot file of another one is discarded. */
export const SCHEMA_VERSION = 2;

/** SQLite's own upper limit; a larger value is silently lowered to it. */
const MMAP_BYTES = 0x7fff0000;

const BUSY_TIMEOUT_MS = 5000;

/** Beyond this the WAL file is cut down when it starts anew: a large load leaves no large file behind. */
const WAL_KEPT_BYTES = 16 * 1024 * 1024;

/** Kibibytes of dirty pages in the writer before they spill into the WAL. */
const WRITER_CACHE_KIB = 16 * 1024;

/** Makes an empty store of our layout, in WAL mode, readable by its owner only. */
export function createStoreFile(path: string): void {
  closeSync(openSync(path, "wx", 0o600));
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    db.exec(`
      PRAGMA application_id = ${APPLICATION_ID};
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = OFF;
      BEGIN;
      CREATE TABLE sqlmem_meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
      CREATE TABLE sqlmem_tables(
        id TEXT PRIMARY KEY,
        schema TEXT NOT NULL,
        name TEXT NOT NULL,
        store_name TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        version INTEGER NOT NULL,
        columns TEXT NOT NULL,
        dictionaries TEXT NOT NULL,
        rowid_column TEXT,
        indexes TEXT NOT NULL,
        rows INTEGER NOT NULL,
        row_bound INTEGER NOT NULL,
        rows_commit INTEGER NOT NULL,
        dictionary_commit INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        loaded_at REAL NOT NULL
      ) WITHOUT ROWID;
      INSERT INTO sqlmem_meta VALUES ('schema_version', ${SCHEMA_VERSION}), ('commit', 0);
      COMMIT`);
  } finally {
    db.close();
  }
}

/** The only connection that writes; its WAL is checkpointed by hand, see `Gate`. */
export function openWriter(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = OFF;
    PRAGMA temp_store = MEMORY;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = ${WAL_KEPT_BYTES};
    PRAGMA cache_size = -${WRITER_CACHE_KIB};
    PRAGMA mmap_size = ${MMAP_BYTES};
    PRAGMA legacy_alter_table = ON`);
  return db;
}

export function openReader(
  path: string,
  register: RegisterFunctions,
  resources: ReadonlyMap<string, unknown>,
): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  // What its types call SQLInputValue and SQLOutputValue is StoreValue: integers, reals, texts, BLOBs and NULL.
  register(db as unknown as FunctionTarget, resources);
  db.exec(`PRAGMA temp_store = MEMORY; PRAGMA mmap_size = ${MMAP_BYTES}`);
  return db;
}

/** How much of a file is in use: free pages do not count, they are filled again first. */
export class PageUse {
  readonly #pages: StatementSync;
  readonly #free: StatementSync;
  readonly #pageBytes: number;

  constructor(db: DatabaseSync) {
    this.#pages = db.prepare("PRAGMA page_count");
    this.#free = db.prepare("PRAGMA freelist_count");
    this.#pageBytes = Number(db.prepare("PRAGMA page_size").get()?.page_size);
  }

  get bytes(): number {
    return (Number(this.#pages.get()?.page_count) - Number(this.#free.get()?.freelist_count)) * this.#pageBytes;
  }
}
