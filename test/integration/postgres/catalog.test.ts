import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Table } from "../../../src/catalog.ts";
import type { Origin } from "../../../src/dialects/dialect.ts";
import { openOrigin } from "../../../src/dialects/postgres/connect.ts";
import { createDatabase, newestServer, servers, type TestDatabase } from "../../support/postgres.ts";
import { requireColumn, requireTable } from "./collect.ts";

describe.each(servers())("the catalog on $name", (server) => {
  let database: TestDatabase;
  let origin: Origin;

  const table = async (...name: string[]): Promise<Table> => requireTable(await origin.catalog.table(name));
  const refusal = async (...name: string[]): Promise<string> => {
    const found = await origin.catalog.table(name);
    return "kind" in found ? found.reason : "a table";
  };

  beforeAll(async () => {
    database = await createDatabase(server, { setup: ["CREATE SCHEMA app"] });
    await database.query(`ALTER DATABASE ${database.name} SET search_path = "$user", app, public`);
    await database.query(`
      CREATE TYPE mood AS ENUM ('sad', 'happy');
      ALTER TYPE mood ADD VALUE 'ok' BEFORE 'happy';
      CREATE DOMAIN price AS numeric(8, 3) NOT NULL;
      CREATE DOMAIN inner_price AS price;
      CREATE TABLE public.users (id int);
      CREATE TABLE app.users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email varchar(40) NOT NULL UNIQUE, nick text UNIQUE,
        gone int, mood mood, price inner_price, c char(3) COLLATE "C", n1 numeric(10,2), n2 numeric(3,-2), n3 numeric,
        tags text[], made int GENERATED ALWAYS AS (1) STORED, blanks bpchar, j jsonb);
      ALTER TABLE app.users DROP COLUMN gone;
      CREATE UNIQUE INDEX ON app.users (lower(email));
      CREATE UNIQUE INDEX ON app.users (email) WHERE id > 5;
      CREATE UNIQUE INDEX pair ON app.users (id, email) INCLUDE (nick);
      ALTER TABLE app.users ADD CONSTRAINT later UNIQUE (id) DEFERRABLE INITIALLY DEFERRED;
      CREATE TABLE "Odd "" name.x" ("A.b""c" int PRIMARY KEY);
      CREATE VIEW v AS SELECT 1; CREATE SEQUENCE s; CREATE TYPE pair_type AS (a int);
      CREATE MATERIALIZED VIEW m AS SELECT 1 AS one;
      CREATE TABLE secret (a int); ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
      CREATE TABLE parts (id int NOT NULL, k int NOT NULL, PRIMARY KEY (id, k)) PARTITION BY RANGE (k);
      CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
      CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id);
      CREATE TABLE parts_2a PARTITION OF parts_2 FOR VALUES FROM (0) TO (1000);
      INSERT INTO parts SELECT i, i % 20 FROM generate_series(1, 500) AS i; ANALYZE parts, parts_1, parts_2, parts_2a;
      CREATE TABLE base (id int PRIMARY KEY); CREATE TABLE derived (extra int) INHERITS (base);
      CREATE COLLATION nocase (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = false);
      CREATE COLLATION "C" (PROVIDER = icu, LOCALE = 'de');
      CREATE TABLE texts (plain text, c text COLLATE pg_catalog."C", p text COLLATE "POSIX", u text COLLATE ucs_basic, i text COLLATE "und-x-icu",
        n text COLLATE nocase, own text COLLATE public."C", nn text COLLATE nocase NOT NULL, UNIQUE (nn), d varchar(3) NOT NULL UNIQUE);
      CREATE UNIQUE INDEX ON texts (nn COLLATE pg_catalog."C");
      CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER far FOREIGN DATA WRAPPER nothing; CREATE FOREIGN TABLE foreigner (a int) SERVER far;
      CREATE TABLE half (k int) PARTITION BY LIST (k); CREATE FOREIGN TABLE half_1 PARTITION OF half FOR VALUES IN (1) SERVER far;
    `);
    origin = openOrigin(database.url);
    await origin.ready();
  });
  afterAll(async () => {
    await origin.close();
    await database.drop();
  });

  test("names mean what they mean to the session", async () => {
    expect((await table("users")).schema).toBe("app");
    expect((await table("public", "users")).schema).toBe("public");
    expect((await table(database.name, "app", "users")).schema).toBe("app");
    expect((await table('Odd " name.x')).columns[0]?.name).toBe('A.b"c');
    expect((await table("users")).id).toBe((await table("app", "users")).id);
  });

  test("refuses what cannot be cached, and says why", async () => {
    expect(await refusal("Users")).toBe("unknown-table");
    expect(await refusal("nowhere", "users")).toBe("unknown-table");
    expect(await refusal("elsewhere", "app", "users")).toBe("unknown-table");
    expect(await refusal("")).toBe("unknown-table");
    expect(await refusal("x".repeat(100))).toBe("unknown-table");
    expect(await refusal("v")).toBe("not-a-table");
    expect(await refusal("s")).toBe("not-a-table");
    expect(await refusal("pair_type")).toBe("not-a-table");
    expect(await refusal("pair")).toBe("not-a-table");
    expect(await refusal("foreigner")).toBe("not-a-table");
    expect(await refusal("half")).toBe("not-a-table");
    expect(await refusal("secret")).toBe("row-level-security");
    expect(await refusal("pg_class")).toBe("system-catalog");
    expect(await refusal("information_schema", "tables")).toBe("system-catalog");
    await database.query("CREATE TEMP TABLE passing (a int)");
    const [schema] = await database.query<{ name: string }>(
      "SELECT relnamespace::regnamespace::text AS name FROM pg_class WHERE relname = 'passing'",
    );
    expect(await refusal(schema?.name ?? "", "passing")).toBe("temporary-table");
  });

  test("columns, types and keys", async () => {
    const users = await table("users");
    expect(users.columns.map(({ name, nullable, type }) => [name, type.kind, type.oid, type.name, nullable])).toEqual([
      ["id", "int8", 20, "bigint", false],
      ["email", "text", 1043, "character varying(40)", false],
      ["nick", "text", 25, "text", true],
      ["mood", "enum", expect.any(Number), "mood", true],
      ["price", "numeric", 1700, "inner_price", true],
      ["c", "char", 1042, "character(3)", true],
      ["n1", "numeric", 1700, "numeric(10,2)", true],
      ["n2", "numeric", 1700, "numeric(3,-2)", true],
      ["n3", "numeric", 1700, "numeric", true],
      ["tags", "wire", 1009, "text[]", true],
      ["made", "int4", 23, "integer", true],
      ["blanks", "wire", 1042, "bpchar", true],
      ["j", "json", 3802, "jsonb", true],
    ]);
    expect(requireColumn(users, "mood").type.labels).toEqual(["sad", "ok", "happy"]);
    const precisions = ["price", "n1", "n2", "n3", "id"].map((name) => requireColumn(users, name).type.precision);
    expect(precisions).toEqual([[8, 3], [10, 2], [3, -2], null, null]);
    expect(users.primaryKey).toEqual(["id"]);
    expect(users.uniqueKeys).toEqual([["id"], ["email"], ["id", "email"]]);
    expect(users.estimatedRows).toBe(null);
    const parts = await table("parts");
    expect(parts.primaryKey).toEqual(["id", "k"]);
    expect(parts.estimatedRows).toBe(500);
    expect((await table("m")).columns.map(({ name }) => name)).toEqual(["one"]);
  });

  test("children by inheritance keep to no key and no NOT NULL", async () => {
    const base = await table("base");
    expect(base.primaryKey).toEqual([]);
    expect(base.uniqueKeys).toEqual([]);
    expect(base.columns[0]?.nullable).toBe(true);
    expect((await table("derived")).columns.map(({ name }) => name)).toEqual(["id", "extra"]);
  });

  test("collations", async () => {
    const texts = await table("texts");
    const seen = texts.columns.map(({ name, type }) => [name, type.collation?.bytewise, type.collation?.deterministic]);
    expect(seen).toEqual([
      ["plain", true, true],
      ["c", true, true],
      ["p", true, true],
      ["u", true, true],
      ["i", false, true],
      ["n", false, false],
      ["own", false, true],
      ["nn", false, false],
      ["d", true, true],
    ]);
    const names = texts.columns.map(({ type }) => type.collation?.name);
    expect(names.slice(0, 7)).toEqual(["C", "C", "POSIX", "ucs_basic", "und-x-icu", "public.nocase", "public.C"]);
    expect(requireColumn(texts, "i").type.collation?.version).toMatch(/\d/);
    // Unique as bytes is not unique in a collation where different bytes are equal.
    expect(texts.uniqueKeys).toEqual([["nn"], ["d"]]);
    expect(origin.typeSystem.builtin("text").collation).toBe(requireColumn(texts, "plain").type.collation);
  });

  test("remembers a table until it is told to forget, and an unknown name not at all", async () => {
    expect(await refusal("late")).toBe("unknown-table");
    await database.query("CREATE TABLE late (a int)");
    const before = await table("late");
    expect(before.columns).toHaveLength(1);
    await database.query("ALTER TABLE late ADD COLUMN b int");
    expect(await table("late")).toBe(before);
    origin.forgetCatalog(["1"]);
    expect(await table("late")).toBe(before);
    origin.forgetCatalog([before.id]);
    expect((await table("late")).columns).toHaveLength(2);
    await database.query("DROP TABLE late");
    origin.forgetCatalog();
    expect(await refusal("late")).toBe("unknown-table");
  });

  const harmless = [
    "INSERT INTO shape VALUES (1, 'a', 'one', '(1,x)', '{one}', 1) ON CONFLICT DO NOTHING",
    "UPDATE shape SET b = 'b'",
    "DELETE FROM shape",
    "VACUUM shape",
    "VACUUM (FREEZE) shape",
    "ANALYZE shape",
    "CREATE INDEX ON shape (b)",
    "REINDEX TABLE shape",
    "CREATE TABLE other_thing (a int)",
    "INSERT INTO tree VALUES (1)",
    "VACUUM ANALYZE tree",
  ];
  const telling = [
    "ALTER TABLE shape ADD COLUMN more int",
    "ALTER TABLE shape DROP COLUMN more",
    "ALTER TABLE shape RENAME COLUMN b TO bb",
    "ALTER TABLE shape RENAME COLUMN bb TO b",
    "ALTER TABLE shape ALTER COLUMN b TYPE varchar(10) USING 'x'",
    "ALTER TABLE shape ALTER COLUMN b TYPE varchar(20)",
    "ALTER TABLE shape ALTER COLUMN b SET NOT NULL",
    "ALTER TABLE shape ALTER COLUMN b DROP NOT NULL",
    "ALTER TABLE shape RENAME TO shape2; ALTER TABLE shape2 RENAME TO shape",
    "ALTER TABLE shape ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE shape DISABLE ROW LEVEL SECURITY",
    "TRUNCATE shape",
    "CREATE UNIQUE INDEX one_more ON shape (id)",
    "DROP INDEX one_more",
    "ALTER TYPE shape_mood RENAME VALUE 'one' TO 'eins'",
    "ALTER TYPE shape_mood ADD VALUE 'zwei'",
    "ALTER TYPE shape_pair RENAME ATTRIBUTE b TO c CASCADE",
    "CREATE TABLE shape_child () INHERITS (shape)",
    "ALTER TABLE shape_child ADD COLUMN x int",
    "DROP TABLE shape_child",
  ];

  test("the fingerprint changes with the definition and with nothing else", async () => {
    await database.query(`
      CREATE TYPE shape_mood AS ENUM ('one'); CREATE TYPE shape_pair AS (a int, b text);
      CREATE TABLE shape (id int NOT NULL, b text, m shape_mood, p shape_pair, ms shape_mood[], u int UNIQUE);
      CREATE TABLE tree (k int) PARTITION BY LIST (k); CREATE TABLE tree_1 PARTITION OF tree FOR VALUES IN (1)`);
    const fingerprint = async (name: string): Promise<string> => {
      origin.forgetCatalog();
      const found = await origin.catalog.table([name]);
      return "kind" in found ? found.reason : found.fingerprint;
    };
    let shape = await fingerprint("shape");
    let tree = await fingerprint("tree");
    for (const sql of harmless) {
      await database.query(sql);
      expect([sql, await fingerprint("shape"), await fingerprint("tree")]).toEqual([sql, shape, tree]);
    }
    for (const sql of telling) {
      await database.query(sql);
      const now = await fingerprint("shape");
      expect([sql, now === shape]).toEqual([sql, false]);
      shape = now;
    }
    for (const sql of [
      "CREATE TABLE tree_2 PARTITION OF tree FOR VALUES IN (2)",
      "ALTER TABLE tree DETACH PARTITION tree_2",
      "ALTER TABLE tree ATTACH PARTITION tree_2 FOR VALUES IN (2)",
      "TRUNCATE tree_1",
      "ALTER TABLE tree ADD COLUMN more int",
    ]) {
      await database.query(sql);
      const now = await fingerprint("tree");
      expect([sql, now === tree]).toEqual([sql, false]);
      tree = now;
    }
  });
});

test.runIf(newestServer().version >= 18)("a NOT NULL constraint that is not yet valid proves nothing", async () => {
  await using database = await createDatabase(newestServer());
  await database.query("CREATE TABLE t (a int, b int NOT NULL); INSERT INTO t VALUES (NULL, 1)");
  await database.query("ALTER TABLE t ADD CONSTRAINT a_there NOT NULL a NOT VALID");
  const origin = openOrigin(database.url);
  const table = requireTable(await origin.catalog.table(["t"]));
  expect(table.columns.map(({ nullable }) => nullable)).toEqual([true, false]);
  await origin.close();
});
