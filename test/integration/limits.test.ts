import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { afterAll, expect, it, onTestFinished } from "vitest";
import { BYPASS_REASONS, type BypassReason } from "../../src/outcome.ts";
import {
  describeOnServers,
  type EngineSetup,
  type OpenedEngine,
  openEngine,
  rejection,
  type SharedDatabase,
  until,
} from "../support/engine.ts";

// docs/limits.md, run: each reason has an example there that yields it here, and the statements that it recommends are hits.

const LIMITS = readFileSync(path.resolve(import.meta.dirname, "../../docs/limits.md"), "utf8");
const TABLES = /```sql\n([\s\S]*?)```/.exec(LIMITS)?.[1] ?? "";

function sectionOf(reason: BypassReason): string {
  const [, section = ""] = LIMITS.split(`\n### \`${reason}\`\n`);
  return section.split(/\n##/)[0] ?? "";
}

const SETUP = [
  ...TABLES.split(/;\n/).filter((statement) => statement.trim() !== ""),
  // One example has many rows for a while: what is counted then, the others would take for its size.
  "ALTER TABLE orders SET (autovacuum_enabled = false)",
  "INSERT INTO customers VALUES (1, 'Ada'), (2, 'Grace')",
  `INSERT INTO orders VALUES
     (1, 1, NULL, 'open', 9.99, 1.0, 0, 1.5, 9223372036854775807, now(), '{}'),
     (2, 2, 1, 'done', 10, 1.00, 2, 0.5, 9223372036854775807, now(), '{"a": 1}')`,
  "CREATE VIEW open_orders AS SELECT id FROM orders WHERE status = 'open'",
  "CREATE MATERIALIZED VIEW done_orders AS SELECT id FROM orders WHERE status = 'done'",
  "CREATE FUNCTION discounted(numeric) RETURNS numeric IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 0.9'",
  "CREATE TABLE secured (id int)",
  "ALTER TABLE secured ENABLE ROW LEVEL SECURITY",
  "ALTER TABLE secured FORCE ROW LEVEL SECURITY",
  "CREATE TABLE coded (code varchar)",
  "CREATE TABLE unkeyed (id int)",
  "CREATE FUNCTION length(varchar) RETURNS bigint IMMUTABLE LANGUAGE sql AS 'SELECT 7::bigint'",
];

/** A statement of the section, and how it comes to the reason. */
interface Example {
  readonly reason: BypassReason;
  readonly sql: string;
  readonly params?: readonly unknown[];
  readonly setup?: EngineSetup;
  /** What the section recommends: answered from the cache. */
  readonly instead?: string;
  readonly insteadParams?: readonly unknown[];
  /** Brings about what the reason is about. */
  readonly provoke?: (opened: OpenedEngine, database: SharedDatabase) => Promise<void>;
  /** It shows when the statement runs, not before: `explain` cannot tell. */
  readonly onlyExecuted?: true;
}

const JOINED = "SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer_id";
const RECURSION =
  "WITH RECURSIVE tree AS (SELECT id FROM orders WHERE parent_id IS NULL UNION SELECT o.id FROM orders o JOIN tree t ON o.parent_id = t.id) SELECT id FROM tree";
const ALL_ORDERS = "SELECT id FROM orders";

const EXAMPLES: readonly Example[] = [
  { reason: "wildcard", sql: "SELECT * FROM orders", setup: { mode: "strict" } },
  { reason: "join", sql: JOINED, setup: { mode: "strict" } },
  {
    reason: "join",
    sql: "SELECT o.id, c.n FROM orders o, LATERAL (SELECT upper(name) AS n FROM customers WHERE customers.id = o.customer_id) c",
    instead: JOINED,
  },
  { reason: "no-table", sql: "SELECT 1" },
  { reason: "no-table", sql: "VALUES (1), (2)" },
  {
    reason: "subquery",
    sql: "SELECT id FROM orders WHERE customer_id > ANY (SELECT id FROM customers)",
    instead: "SELECT id FROM orders WHERE customer_id > (SELECT min(id) FROM customers)",
  },
  {
    reason: "cte",
    sql: RECURSION.replace("UNION SELECT", "UNION SELECT DISTINCT"),
    instead: RECURSION,
  },
  {
    reason: "set-operation",
    sql: "SELECT max(name) FROM customers UNION ALL SELECT name FROM customers",
    instead: "SELECT id FROM orders UNION SELECT id FROM customers",
  },
  {
    reason: "window-function",
    sql: "SELECT id, sum(total) OVER (ORDER BY total RANGE BETWEEN 10 PRECEDING AND CURRENT ROW) FROM orders",
    instead: "SELECT id, sum(total) OVER (ORDER BY id ROWS BETWEEN 10 PRECEDING AND CURRENT ROW) FROM orders",
  },
  { reason: "grouping-sets", sql: "SELECT status, count(*) FROM orders GROUP BY ROLLUP (status)" },
  { reason: "several-statements", sql: "SELECT id FROM orders; SELECT id FROM customers" },
  { reason: "not-a-select", sql: "EXPLAIN SELECT id FROM orders" },
  { reason: "session-statement", sql: "BEGIN", provoke: rollBackLater },
  {
    reason: "volatile-function",
    sql: "SELECT id FROM orders WHERE placed_at > now() - interval '1 day'",
    instead: "SELECT id FROM orders WHERE placed_at > $1",
    insteadParams: [new Date(0)],
  },
  { reason: "unsupported-syntax", sql: "SELECT id FROM orders TABLESAMPLE system (50)" },
  { reason: "unsupported-function", sql: "SELECT discounted(total) FROM orders" },
  { reason: "unsupported-operator", sql: "SELECT id FROM orders WHERE data @? '$.a'" },
  { reason: "unsupported-type", sql: "SELECT data FROM orders GROUP BY data" },
  { reason: "unsupported-type", sql: "SELECT price FROM orders GROUP BY price" },
  {
    reason: "type-mismatch",
    sql: "SELECT id FROM orders WHERE id = factor",
    instead: "SELECT id FROM orders WHERE id::float8 = factor",
  },
  {
    reason: "may-raise",
    sql: "SELECT id FROM orders WHERE 10 / items > 1",
    instead: "SELECT id FROM orders WHERE 10 / nullif(items, 0) > 1",
  },
  { reason: "non-canonical-literal", sql: "SELECT id FROM orders WHERE status = U&'open'" },
  { reason: "unknown-table", sql: "SELECT id FROM dropped", provoke: dropWhileLookedInto },
  { reason: "unknown-column", sql: "SELECT ctid FROM orders" },
  { reason: "unknown-column", sql: "SELECT o FROM orders o" },
  { reason: "system-catalog", sql: "SELECT relname FROM pg_class" },
  { reason: "not-a-table", sql: "SELECT id FROM open_orders" },
  { reason: "temporary-table", sql: "SELECT id FROM pg_temp_3.drafts" },
  { reason: "row-level-security", sql: "SELECT id FROM secured" },
  {
    reason: "collation",
    sql: 'SELECT name FROM customers ORDER BY name COLLATE "de-x-icu"',
    instead: 'SELECT name FROM customers ORDER BY name COLLATE "C"',
  },
  { reason: "generated-name", sql: 'SELECT id AS "__proto__" FROM orders' },
  { reason: "describe-mismatch", sql: "SELECT length(code) FROM coded" },
  {
    reason: "session-settings",
    sql: ALL_ORDERS,
    setup: { pool: { options: "-c standard_conforming_strings=off" } },
  },
  { reason: "not-watched", sql: "SELECT id FROM unkeyed", setup: { freshness: "session" } },
  { reason: "parameter", sql: "SELECT id FROM orders WHERE id = $1", params: [" 7"] },
  { reason: "parameter", sql: "SELECT id FROM orders WHERE id = $1", params: [7, 8] },
  { reason: "table-too-large", sql: ALL_ORDERS, setup: { maxTableRows: 1 } },
  {
    reason: "load-failed",
    sql: "SELECT count(*) FROM orders",
    setup: { pool: { options: "-c role=sqlmem_test_reader" } },
  },
  { reason: "changes-too-often", sql: ALL_ORDERS, provoke: writeAgainAndAgain },
  {
    reason: "slower-than-origin",
    sql: "SELECT count(*) FROM orders a JOIN orders b ON a.items + 0 = b.items + 0",
    provoke: orderMuch,
  },
  { reason: "not-fresh", sql: ALL_ORDERS, setup: { freshness: "session" }, provoke: loseTheDatabase },
  { reason: "store-failed", sql: ALL_ORDERS, provoke: lockStore },
  { reason: "sqlite-raised", sql: "SELECT sum(big) FROM orders", onlyExecuted: true },
  { reason: "session-state", sql: ALL_ORDERS, provoke: begin },
  { reason: "origin-error", sql: "SELECT nothing FROM orders", onlyExecuted: true },
  { reason: "write", sql: "UPDATE orders SET status = 'done'" },
];

async function rollBackLater({ pool }: OpenedEngine): Promise<void> {
  pool.options.max = 1;
  onTestFinished(async () => {
    if (!pool.ended) await pool.query("ROLLBACK").catch(() => undefined);
  });
}

async function begin(opened: OpenedEngine): Promise<void> {
  await rollBackLater(opened);
  await opened.engine.execute("BEGIN");
}

/** The origin has described the statement, and before the catalog is asked the table is gone. */
async function dropWhileLookedInto({ engine, proxy }: OpenedEngine, database: SharedDatabase): Promise<void> {
  await database.query("CREATE TABLE dropped (id int)");
  await engine.execute(ALL_ORDERS);
  proxy.pauseAfter("SELECT id FROM dropped");
  void until("the statement is held back", () => proxy.statements.includes("SELECT id FROM dropped"))
    .then(() => database.query("DROP TABLE dropped"))
    .finally(() => proxy.resume());
}

/** Each load is overtaken by a write before it was of use. */
async function writeAgainAndAgain({ engine, pool }: OpenedEngine): Promise<void> {
  engine.attach(pool);
  await until("the table is left alone", async () => {
    await pool.query(ALL_ORDERS);
    const { outcome, reason } = await engine.explain(ALL_ORDERS);
    if (outcome === "hit") await pool.query("UPDATE orders SET items = items");
    return reason === "changes-too-often";
  });
}

/** Nested loops over it take long, a hash join does not. */
async function orderMuch({ pool }: OpenedEngine): Promise<void> {
  await pool.query("INSERT INTO orders (id, items) SELECT i, i FROM generate_series(1000001, 1040000) AS i");
  onTestFinished(async () => {
    if (!pool.ended) await pool.query("DELETE FROM orders WHERE id > 1000000");
  });
}

async function loseTheDatabase({ engine, proxy }: OpenedEngine): Promise<void> {
  await engine.execute(ALL_ORDERS);
  await proxy.close();
  await until("it is noticed", () => engine.stats().freshness.losses > 0);
}

/** Holds the store's write lock for longer than its worker waits. */
async function lockStore({ engine }: OpenedEngine): Promise<void> {
  const directories = ["/dev/shm", tmpdir()].flatMap((base) =>
    readdirSync(base)
      .filter((name) => name.startsWith(`sqlmem-${process.pid}-`))
      .map((name) => path.join(base, name)),
  );
  const files = directories.flatMap((directory) =>
    readdirSync(directory)
      .filter((name) => name.endsWith(".db"))
      .map((name) => path.join(directory, name)),
  );
  expect(files).toHaveLength(1);
  const store = new DatabaseSync(files[0] ?? "");
  store.exec("BEGIN IMMEDIATE");
  onTestFinished(() => store.close());
  await engine.execute(ALL_ORDERS);
}

describeOnServers(
  "docs/limits.md",
  (database) => {
    const roles: string[] = [];
    afterAll(async () => {
      for (const role of roles) await database.query(`DROP OWNED BY ${role}`);
      for (const role of roles) await database.query(`DROP ROLE ${role}`);
    });

    /** Reads two columns of orders, and not its key. */
    async function createReader(): Promise<string> {
      const [{ name } = { name: "" }] = await database.query<{ name: string }>("SELECT current_database() AS name");
      const role = `${name}_reader`;
      await database.query(`CREATE ROLE ${role}`);
      roles.push(role);
      await database.query(`GRANT SELECT (status, total) ON orders TO ${role}`);
      return role;
    }

    /** What stands for names that depend on the run. */
    async function prepared({ sql, setup }: Example): Promise<{ readonly sql: string; readonly setup: EngineSetup }> {
      if (sql.includes("pg_temp_3")) {
        const client = new pg.Client(database.url);
        await client.connect();
        onTestFinished(() => client.end());
        await client.query("CREATE TEMPORARY TABLE drafts (id int)");
        const { rows } = await client.query("SELECT pg_my_temp_schema()::regnamespace::text AS schema");
        return { sql: sql.replace("pg_temp_3", rows[0].schema), setup: {} };
      }
      if (setup?.pool?.options?.includes("reader") !== true) return { sql, setup: setup ?? {} };
      return { sql, setup: { pool: { options: `-c role=${await createReader()}` } } };
    }

    it.each(EXAMPLES)("$reason: $sql", async (example) => {
      const { reason, params, provoke, onlyExecuted, instead } = example;
      expect(sectionOf(reason)).toContain(example.sql);
      const { sql, setup } = await prepared(example);
      const opened = await openEngine(database, { mode: "transparent", ...setup });
      const { engine } = opened;
      await provoke?.(opened, database);
      if (onlyExecuted !== true) {
        // What depends on the rows is known once they are loaded.
        if ((await engine.explain(sql, params)).outcome === "miss") await engine.execute(sql, params).catch(() => {});
        const explained = await engine.explain(sql, params);
        expect(explained).toMatchObject({ outcome: "bypass", reason, sqlite: null, thread: null });
        expect(explained.detail).not.toBe("");
        expect(explained.remedy).toMatch(/^[A-Z].*\.$/);
      } else {
        await engine.execute(sql, params).catch(() => {});
        expect(engine.stats().bypassesByReason).toEqual({ [reason]: 1 });
      }
      if (instead === undefined) return;
      expect(sectionOf(reason)).toContain(instead);
      await engine.execute(instead, example.insteadParams);
      expect([instead, await engine.explain(instead, example.insteadParams)]).toEqual([
        instead,
        expect.objectContaining({ outcome: "hit", reason: null, remedy: null }),
      ]);
    });

    it("has an example of each reason", () => {
      // A wrong answer takes a mistake in a plan: verification.test.ts has one.
      const reasons = BYPASS_REASONS.filter((reason) => reason !== "quarantined");
      expect([...new Set(EXAMPLES.map(({ reason }) => reason))]).toEqual(reasons);
    });

    it("an example that the origin rejects is rejected by explain too", async () => {
      const { engine, bare } = await openEngine(database);
      for (const sql of ["SELECT nothing FROM orders", "SELECT id FROM nothing", "SELEC id FROM orders"]) {
        const expected = await rejection(bare(sql));
        expect(await rejection(engine.explain(sql))).toMatchObject({ message: expected.message });
      }
    });

    it("materialized views are cached", async () => {
      const { engine } = await openEngine(database);
      await engine.execute("SELECT id FROM done_orders");
      expect(await engine.explain("SELECT id FROM done_orders")).toMatchObject({ outcome: "hit" });
    });
  },
  { setup: SETUP, newestOnly: true },
);
