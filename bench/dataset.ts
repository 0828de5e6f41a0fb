import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TestDatabase } from "../test/support/postgres.ts";

/** Six columns of the types that tables are made of. One row is about 70 bytes on Postgres' wire. */
export const COLUMNS = "id, customer_id, email, total, placed_at, status";
/** Rows of one customer, scattered over the table. */
const ROWS_PER_CUSTOMER = 100;
export const SMALL_ROWS = 1000;

const STATUSES = ["new", "paid", "packed", "sent", "returned"] as const;
const CITIES = Array.from({ length: 200 }, (_, index) => `City ${index}`);
const FIRST_ORDER_MS = Date.UTC(2024, 0, 1);

/** The same formulas as in `originRows`. */
function plainRow(id: number, customers: number): readonly (string | number)[] {
  const cents = (id * 7907) % 1_000_000;
  return [
    id,
    1 + ((id * 7919) % customers),
    `customer${id}@example.com`,
    `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`,
    FIRST_ORDER_MS + id * 61_001,
    STATUSES[id % STATUSES.length] ?? "",
  ];
}

function originRows(rows: number, customers: number): string {
  return `SELECT i, 1 + (i * 7919) % ${customers}, 'customer' || i || '@example.com',
                 ((i * 7907) % 1000000)::numeric / 100,
                 timestamptz '2024-01-01 00:00:00+00' + i * interval '61.001 seconds',
                 (ARRAY['${STATUSES.join("', '")}'])[1 + i % ${STATUSES.length}]
          FROM generate_series(1::bigint, ${rows}) AS i`;
}

export function customersOf(rows: number): number {
  return Math.floor(rows / ROWS_PER_CUSTOMER);
}

/** The same formulas as in `createCustomers`. */
function plainCustomer(id: number): readonly (string | number)[] {
  return [id, `Customer ${id}`, CITIES[id % CITIES.length] ?? ""];
}

function originCustomers(customers: number): string {
  return `SELECT i, 'Customer ' || i, (ARRAY['${CITIES.join("', '")}'])[1 + i % ${CITIES.length}]
          FROM generate_series(1, ${customers}) AS i`;
}

/** Makes and fills the tables `orders`, `small_orders` and `customers` in the origin. */
export async function fillOrigin(database: TestDatabase, rows: number): Promise<void> {
  for (const [table, count] of [
    ["orders", rows],
    ["small_orders", SMALL_ROWS],
  ] as const) {
    await database.query(`CREATE TABLE ${table} (
      id integer PRIMARY KEY, customer_id integer NOT NULL, email text NOT NULL, total numeric(10, 2) NOT NULL,
      placed_at timestamptz NOT NULL, status text NOT NULL)`);
    await database.query(`INSERT INTO ${table} ${originRows(count, customersOf(count))}`);
    await database.query(`CREATE INDEX ON ${table} (customer_id)`);
    await database.query(`VACUUM (ANALYZE) ${table}`);
  }
  await database.query("CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL, city text NOT NULL)");
  await database.query(`INSERT INTO customers ${originCustomers(customersOf(rows))}`);
  await database.query("CREATE INDEX ON customers (city)");
  await database.query("VACUUM (ANALYZE) customers");
}

/** The tables `orders` and `customers` in bare SQLite, twice. */
export interface PlainTable extends Disposable {
  readonly memory: DatabaseSync;
  /** A file in memory, mapped, inside a read transaction: SQLite reads it without locks and without copying pages. */
  readonly mapped: DatabaseSync;
  /** Of `orders` without its index. */
  readonly bytes: number;
}

/** The table as one would keep it by hand: exact decimals as text, times as milliseconds. */
export function createPlainTable(rows: number): PlainTable {
  const memory = new DatabaseSync(":memory:");
  memory.exec(`CREATE TABLE orders (
    id INTEGER PRIMARY KEY, customer_id INTEGER, email TEXT, total TEXT, placed_at INTEGER, status TEXT)`);
  insertRows(memory, rows);
  const bytes = pragma(memory, "page_count") * pragma(memory, "page_size");
  memory.exec("CREATE INDEX orders_customer ON orders (customer_id)");
  memory.exec("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, city TEXT)");
  insertCustomers(memory, customersOf(rows));
  memory.exec("CREATE INDEX customers_city ON customers (city)");
  const directory = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "sqlmem-bench-"));
  const file = join(directory, "plain.db");
  memory.prepare("VACUUM INTO ?").run(file);
  const mapped = new DatabaseSync(file, { readOnly: true });
  mapped.exec("PRAGMA mmap_size = 1000000000; BEGIN");
  const dispose = (): void => {
    memory.close();
    mapped.close();
    rmSync(directory, { recursive: true, force: true });
  };
  return { memory, mapped, bytes, [Symbol.dispose]: dispose };
}

function insertRows(db: DatabaseSync, rows: number): void {
  const batchRows = 50;
  const row = "(?, ?, ?, ?, ?, ?)";
  const one = db.prepare(`INSERT INTO orders VALUES ${row}`);
  const many = db.prepare(`INSERT INTO orders VALUES ${new Array(batchRows).fill(row).join(", ")}`);
  const customers = customersOf(rows);
  db.exec("BEGIN");
  let id = 1;
  for (; id + batchRows - 1 <= rows; id += batchRows) {
    const batch: (string | number)[] = [];
    for (let offset = 0; offset < batchRows; offset++) batch.push(...plainRow(id + offset, customers));
    many.run(...batch);
  }
  for (; id <= rows; id++) one.run(...plainRow(id, customers));
  db.exec("COMMIT");
}

function insertCustomers(db: DatabaseSync, customers: number): void {
  const one = db.prepare("INSERT INTO customers VALUES (?, ?, ?)");
  db.exec("BEGIN");
  for (let id = 1; id <= customers; id++) one.run(...plainCustomer(id));
  db.exec("COMMIT");
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}

/** `count` numbers from 1 to `max`, the same ones in every run (mulberry32). */
export function randomNumbers(count: number, max: number, seed = 1): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return 1 + (((mixed ^ (mixed >>> 14)) >>> 0) % max);
  });
}
