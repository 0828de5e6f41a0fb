import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Origin } from "../../../src/dialects/dialect.ts";
import { openOrigin } from "../../../src/dialects/postgres/connect.ts";
import { installNotify, NOTIFY } from "../../../src/dialects/postgres/gates/install-sql.ts";
import { createDatabase, servers, type TestDatabase } from "../../support/postgres.ts";

describe.each(servers())("what a write reaches on $name", (server) => {
  let database: TestDatabase;
  let origin: Origin;

  const reach = async (...names: string[]): Promise<"all" | string[]> => {
    origin.forgetCatalog();
    const found = await origin.writeReach(names.map((name) => name.split(".")));
    if (found === "all") return "all";
    const rows = await database.query<{ name: string }>(
      "SELECT relname AS name FROM pg_class WHERE oid = ANY ($1::oid[]) ORDER BY 1",
      [found],
    );
    return rows.map(({ name }) => name);
  };

  beforeAll(async () => {
    database = await createDatabase(server);
    await database.query(`
      CREATE TABLE alone (id int PRIMARY KEY);
      CREATE TABLE parent (id int PRIMARY KEY);
      CREATE TABLE child (id int PRIMARY KEY REFERENCES parent ON DELETE CASCADE);
      CREATE TABLE grandchild (id int REFERENCES child ON UPDATE SET NULL);
      CREATE TABLE strict_child (id int REFERENCES parent);
      CREATE TABLE self (id int PRIMARY KEY, up int REFERENCES self ON DELETE CASCADE);
      CREATE TABLE p (k int PRIMARY KEY) PARTITION BY LIST (k);
      CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);
      CREATE TABLE of_p (k int REFERENCES p ON DELETE SET DEFAULT);
      CREATE TABLE base (id int); CREATE TABLE derived () INHERITS (base);
      CREATE TABLE triggered (id int PRIMARY KEY); CREATE TABLE quiet (id int);
      CREATE FUNCTION spread() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
      CREATE TRIGGER t AFTER INSERT ON triggered EXECUTE FUNCTION spread();
      CREATE TRIGGER t AFTER INSERT ON quiet EXECUTE FUNCTION spread(); ALTER TABLE quiet DISABLE TRIGGER t;
      CREATE TABLE above (id int PRIMARY KEY); CREATE TABLE below (id int REFERENCES above ON DELETE CASCADE);
      CREATE TRIGGER t AFTER DELETE ON below EXECUTE FUNCTION spread();
      CREATE TABLE ruled (id int); CREATE RULE r AS ON INSERT TO ruled DO ALSO NOTIFY x;
      CREATE VIEW v AS SELECT * FROM alone;
      CREATE FUNCTION touches() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1';
      CREATE FUNCTION pure() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
      CREATE FUNCTION lower(int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1';
      CREATE SCHEMA far; CREATE FUNCTION far.reaching() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1'`);
    origin = openOrigin(database.url);
  });
  afterAll(async () => {
    await origin.close();
    await database.drop();
  });

  test("tables, cascades, partitions and inheritance", async () => {
    expect(await origin.writeReach([])).toEqual([]);
    expect(await reach("alone")).toEqual(["alone"]);
    expect(await reach("alone", "public.self")).toEqual(["alone", "self"]);
    expect(await reach("parent")).toEqual(["child", "grandchild", "parent"]);
    expect(await reach("grandchild")).toEqual(["grandchild"]);
    expect(await reach("p1")).toEqual(["of_p", "p", "p1", "p2"]);
    expect(await reach("p")).toEqual(["of_p", "p", "p1", "p2"]);
    expect(await reach("derived")).toEqual(["base", "derived"]);
    expect(await reach("quiet")).toEqual(["quiet"]);
  });

  test("whatever could write anywhere", async () => {
    expect(await reach("triggered")).toBe("all");
    expect(await reach("above")).toBe("all");
    expect(await reach("ruled")).toBe("all");
    expect(await reach("v")).toBe("all");
    expect(await reach("nowhere")).toBe("all");
    expect(await reach("alone", "triggered")).toBe("all");
  });

  test("not SQLmem's own triggers", async () => {
    await database.query(`${installNotify()}; CREATE TABLE notifying (id int);
      CREATE TRIGGER sqlmem_notify AFTER INSERT ON notifying EXECUTE FUNCTION sqlmem.${NOTIFY.function}()`);
    expect(await reach("notifying")).toEqual(["notifying"]);
  });

  test("answers are kept until they are forgotten, or too old for who asks", async () => {
    await database.query("CREATE TABLE moving (id int)");
    const [before] = [await origin.writeReach([["moving"]])];
    await database.query("CREATE TRIGGER t AFTER INSERT ON moving EXECUTE FUNCTION spread()");
    expect(await origin.writeReach([["moving"]])).toEqual(before);
    expect(await origin.writeReach([["moving"]], performance.now())).toBe("all");
    await database.query("DROP TRIGGER t ON moving");
    expect(await origin.writeReach([["moving"]])).toBe("all");
    origin.forgetCatalog(["1"]);
    expect(await origin.writeReach([["moving"]])).toEqual(before);
  });

  test("functions", async () => {
    const mayWrite = (...names: string[]): Promise<boolean> =>
      origin.functionsMayWrite(names.map((name) => name.split(".")));
    expect(await mayWrite()).toBe(false);
    expect(await mayWrite("touches")).toBe(true);
    expect(await mayWrite("public.touches")).toBe(true);
    expect(await mayWrite("pure")).toBe(false);
    expect(await mayWrite("upper", "count", "now", "nextval")).toBe(false);
    expect(await mayWrite("upper", "touches")).toBe(true);
    // An overload in the way: which one is called is the origin's to say.
    expect(await mayWrite("lower")).toBe(true);
    expect(await mayWrite("pg_catalog.lower")).toBe(false);
    expect(await mayWrite("reaching")).toBe(false);
    expect(await mayWrite("far.reaching")).toBe(true);
    expect(await mayWrite("nobody_has_this")).toBe(false);
    expect(await mayWrite("query_to_xml")).toBe(true);
  });
});
