import { expect, it } from "vitest";
import { UnsupportedQueryError } from "../../src/errors.ts";
import type { EngineOptions } from "../../src/options.ts";
import type { BypassReason } from "../../src/outcome.ts";
import {
  counted,
  describeOnServers,
  expectSameError,
  HIT,
  type OpenedEngine,
  openEngine,
  rejection,
} from "../support/engine.ts";

const SETUP = [
  "CREATE TABLE customers (id int PRIMARY KEY, name text, data jsonb)",
  "CREATE TABLE orders (id int PRIMARY KEY, customer_id int, total int)",
  "INSERT INTO customers VALUES (1, 'Ada', '{}'), (2, 'Grace', NULL)",
  "INSERT INTO orders VALUES (10, 1, 5), (11, 1, 7), (12, 2, 0)",
  "CREATE VIEW view_of_orders AS SELECT id, total FROM orders",
];

const JOINS = [
  "SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer_id",
  "SELECT o.id, c.name FROM orders o, customers c WHERE c.id = o.customer_id",
  "SELECT id FROM orders WHERE customer_id IN (SELECT c.id FROM customers c CROSS JOIN orders)",
  "SELECT o.id FROM orders o, (SELECT id FROM customers) c WHERE c.id = o.customer_id",
];

const WILDCARDS = [
  "SELECT * FROM orders",
  "TABLE customers",
  "SELECT o.* FROM orders o",
  "SELECT id FROM (SELECT * FROM orders) o",
  "WITH o AS (SELECT * FROM orders) SELECT id FROM o",
];

const BOTH = "SELECT * FROM orders o JOIN customers c ON c.id = o.customer_id";

/** Refused for another reason too, by the planner or before it. */
const REFUSED_ANYWAY: readonly (readonly [string, BypassReason])[] = [
  ["SELECT * FROM customers ORDER BY data", "unsupported-type"],
  ["SELECT * FROM customers WHERE data @? '$.a'", "unsupported-operator"],
  ["SELECT * FROM orders TABLESAMPLE system (50)", "unsupported-syntax"],
  ["SELECT * FROM view_of_orders", "not-a-table"],
  ["SELECT *, now() FROM orders", "volatile-function"],
  ["SELECT * FROM orders WHERE id = 1_0", "non-canonical-literal"],
];

const JOINED_AND_REFUSED_ANYWAY: readonly (readonly [string, BypassReason])[] = [
  ["SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer_id ORDER BY c.data", "unsupported-type"],
  ["SELECT o.id FROM orders o JOIN customers c ON c.data @? '$.a'", "unsupported-operator"],
  ["SELECT o.id FROM orders o, generate_series(1, 2) WHERE random() < 2", "volatile-function"],
];

describeOnServers(
  "what strict mode is told to take",
  (database) => {
    const open = (options: EngineOptions = {}): Promise<OpenedEngine> => openEngine(database, options);

    /** The reason that the statement is refused with, by `execute` and by `explain` alike; `null` if it is not. */
    async function reasonOf({ engine, bare }: OpenedEngine, sql: string): Promise<string | null> {
      const explained = await engine.explain(sql);
      if (explained.outcome === "bypass") {
        const error = await rejection(engine.execute(sql));
        expect([sql, error]).toEqual([sql, expect.any(UnsupportedQueryError)]);
        expect([sql, error]).toEqual([sql, expect.objectContaining({ reason: explained.reason })]);
        return explained.reason;
      }
      const sorted = (rows: unknown[]): unknown[] => rows.map((row) => JSON.stringify(row)).sort();
      const rows = sorted(await bare(sql));
      expect([sql, sorted(await engine.execute(sql))]).toEqual([sql, rows]);
      expect([sql, await counted(engine, () => engine.execute(sql))]).toEqual([sql, HIT]);
      return null;
    }

    it.each([
      { options: {}, joins: "join", wildcards: "wildcard", both: "wildcard" },
      { options: { joins: true }, joins: null, wildcards: "wildcard", both: "wildcard" },
      { options: { wildcards: true }, joins: "join", wildcards: null, both: "join" },
      { options: { joins: true, wildcards: true }, joins: null, wildcards: null, both: null },
    ])("$options", async ({ options, joins, wildcards, both }) => {
      const opened = await open(options);
      for (const sql of JOINS) expect([sql, await reasonOf(opened, sql)]).toEqual([sql, joins]);
      for (const sql of WILDCARDS) expect([sql, await reasonOf(opened, sql)]).toEqual([sql, wildcards]);
      expect(await reasonOf(opened, BOTH)).toBe(both);
    });

    it("names what the mode refuses before what nothing answers", async () => {
      const strict = await open();
      for (const [sql] of REFUSED_ANYWAY) expect([sql, await reasonOf(strict, sql)]).toEqual([sql, "wildcard"]);
      for (const [sql] of JOINED_AND_REFUSED_ANYWAY) expect([sql, await reasonOf(strict, sql)]).toEqual([sql, "join"]);
      const told = await open({ joins: true, wildcards: true });
      for (const [sql, reason] of [...REFUSED_ANYWAY, ...JOINED_AND_REFUSED_ANYWAY]) {
        expect([sql, await reasonOf(told, sql)]).toEqual([sql, reason]);
      }
    });

    it("leaves to the origin what it rejects, and says why of other commands", async () => {
      const { engine, bare } = await open();
      for (const sql of [
        "SELECT * FROM nothing",
        "SELECT * FROM orders JOIN customers ON nothing = 1",
        "SELECT * FROM orders WHERE id = 1__0",
      ]) {
        await expectSameError(engine.execute(sql), bare(sql));
      }
      for (const sql of ["EXPLAIN SELECT * FROM orders", "COPY (SELECT * FROM orders) TO STDOUT"]) {
        expect(await rejection(engine.execute(sql))).toMatchObject({ reason: "not-a-select" });
      }
    });

    it("counts no call of count(*) as a wildcard", async () => {
      const { engine } = await open();
      expect(await engine.execute("SELECT count(*) AS n FROM orders")).toEqual([{ n: "3" }]);
      expect(await engine.explain("SELECT count(*) FROM orders WHERE now() > now()")).toMatchObject({
        reason: "volatile-function",
      });
    });

    it("says how to have it answered", async () => {
      const { engine } = await open();
      expect((await rejection(engine.execute(JOINS[0] ?? ""))).message).toContain("joins: true");
      expect((await rejection(engine.execute(WILDCARDS[0] ?? ""))).message).toContain("wildcards: true");
    });
  },
  { setup: SETUP, newestOnly: true },
);
