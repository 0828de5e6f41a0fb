import { expect, it } from "vitest";
import { OptionsError } from "../../src/errors.ts";
import type { ExplainedTable } from "../../src/explain.ts";
import { describeOnServers, openEngine, rejection } from "../support/engine.ts";

const SETUP = [
  `CREATE TABLE items (id int PRIMARY KEY, name text COLLATE "en-x-icu", amount numeric, code varchar(9))`,
  "CREATE SCHEMA sales",
  "CREATE TABLE sales.sold (item_id int, at timestamptz)",
  "INSERT INTO items SELECT i, 'name ' || i, i / 7.0, 'c' || i FROM generate_series(1, 9000) i",
  "INSERT INTO sales.sold SELECT i, now() FROM generate_series(1, 100) i",
];

const SQL = `SELECT i.id, min(i.name), max(s.at) FROM items i JOIN sales.sold s ON s.item_id = i.id
  WHERE i.amount > $1 AND i.name > 'a' GROUP BY i.id ORDER BY i.id`;

const ITEMS = {
  schema: "public",
  table: "items",
  columns: ["amount", "name", "id"],
  encodings: ["amount:key", "name:rank", "id"],
  dictionaries: ["name"],
};
const SOLD = {
  schema: "sales",
  table: "sold",
  columns: ["item_id", "at"],
  encodings: ["item_id", "at"],
  dictionaries: [],
};

describeOnServers(
  "explain",
  (database) => {
    it("names what a statement needs of each table, and what of it is there", async () => {
      const { engine } = await openEngine(database, { mode: "transparent" });
      const sorted = (tables: readonly ExplainedTable[]): unknown =>
        tables.map((table) => ({
          ...table,
          columns: table.columns.toSorted(),
          encodings: table.encodings.toSorted(),
        }));
      const tables = async (): Promise<unknown> => sorted((await engine.explain(SQL, [1])).tables);
      const expected = (items: boolean, sold: boolean): unknown =>
        sorted([
          { ...ITEMS, loaded: items },
          { ...SOLD, loaded: sold },
        ]);
      expect(await tables()).toEqual(expected(false, false));
      await engine.execute("SELECT item_id, at FROM sales.sold");
      expect(await tables()).toEqual(expected(false, true));
      await engine.execute(SQL, [1]);
      expect(await tables()).toEqual(expected(true, true));
      await engine.invalidate("sales.sold");
      expect(await tables()).toEqual(expected(true, false));
    });

    it("names the tables of a statement that is only now not answered, and none of one that never is", async () => {
      const { engine } = await openEngine(database);
      const explained = await engine.explain(SQL, [1]);
      expect(explained).toMatchObject({
        outcome: "bypass",
        reason: "join",
        tables: [{ table: "items" }, { table: "sold" }],
      });
      expect(await engine.explain("SELECT id FROM items TABLESAMPLE system (50)")).toMatchObject({
        outcome: "bypass",
        tables: [],
      });
    });

    it("says what runs, and where", async () => {
      const { engine } = await openEngine(database);
      const one = "SELECT code FROM items WHERE id = $1";
      const all = "SELECT count(*) AS n, max(code) AS m FROM items WHERE code <> 'x'";
      expect(await engine.explain(one)).toMatchObject({ outcome: "miss", sqlite: null, thread: null, remedy: null });
      await engine.execute(one, [1]);
      await engine.execute(all);
      expect(await engine.explain(one)).toMatchObject({
        outcome: "hit",
        sqlite: 'SELECT t0."code" FROM "items" AS t0 WHERE (t0."id" = ?1)',
        thread: "main",
      });
      expect(await engine.explain(all)).toMatchObject({ outcome: "hit", thread: "scan-worker" });
    });

    it("takes the values into account where they are given", async () => {
      const { engine } = await openEngine(database);
      const sql = "SELECT code FROM items WHERE id = $1";
      await engine.execute(sql, [1]);
      expect(await engine.explain(sql)).toMatchObject({ outcome: "hit" });
      expect(await engine.explain(sql, ["one"])).toMatchObject({ outcome: "bypass", reason: "parameter" });
      expect(await engine.explain(sql, [])).toMatchObject({ detail: "the statement takes 1 parameters, not 0" });
      // @ts-expect-error not a text
      expect(await rejection(engine.explain({ text: sql }))).toBeInstanceOf(OptionsError);
    });
  },
  { setup: SETUP, newestOnly: true },
);
