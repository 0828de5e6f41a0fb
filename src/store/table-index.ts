import type { DatabaseSync } from "node:sqlite";
import { quoteName } from "../quoting.ts";
import type { IndexFacts } from "./contract.ts";
import { OWN_PREFIX } from "./names.ts";

/**
 * Builds an index on a table of the store and finds its largest group of equal keys. Inside a transaction of the
 * caller, or as one of its own.
 */
export function buildIndex(db: DatabaseSync, storeName: string, columns: readonly string[]): IndexFacts {
  const name = quoteName(freeIndexName(db));
  const table = quoteName(storeName);
  const keys = columns.map(quoteName);
  db.exec(`CREATE INDEX ${name} ON ${table}(${keys.join(", ")})`);
  // A NULL equals nothing, so no look-up by equality finds its row: it is in no group.
  const notNull = keys.map((key) => `${key} IS NOT NULL`).join(" AND ");
  const largest = db
    .prepare(
      `SELECT max(n) AS n FROM (
         SELECT count(*) AS n FROM ${table} INDEXED BY ${name} WHERE ${notNull} GROUP BY ${keys.join(", ")})`,
    )
    .get();
  return { columns: [...columns], largestGroup: Number(largest?.n ?? 0) };
}

/** Makes a dictionary's values unique, and findable. */
export function buildDictionaryIndex(db: DatabaseSync, dictionary: string): void {
  db.exec(`CREATE UNIQUE INDEX ${quoteName(freeIndexName(db))} ON ${quoteName(dictionary)}(value)`);
}

/** Bytes of the pages of these tables and of their indexes. */
export function tableBytes(db: DatabaseSync, storeNames: readonly string[]): number {
  const parts = db.prepare("SELECT name FROM sqlite_schema WHERE tbl_name = ? AND rootpage > 0");
  const pages = db.prepare("SELECT sum(pgsize) AS bytes FROM dbstat('main') WHERE name = ? AND aggregate = TRUE");
  let bytes = 0;
  for (const storeName of storeNames) {
    for (const part of parts.all(storeName)) {
      bytes += Number(pages.get(String(part.name))?.bytes ?? 0);
    }
  }
  return bytes;
}

function freeIndexName(db: DatabaseSync): string {
  const prefix = `${OWN_PREFIX}index_`;
  const last = db
    .prepare(
      "SELECT max(CAST(substr(name, ?) AS INTEGER)) AS n FROM sqlite_schema WHERE type = 'index' AND name GLOB ?",
    )
    .get(prefix.length + 1, `${prefix}[0-9]*`);
  return `${prefix}${Number(last?.n ?? 0) + 1}`;
}
