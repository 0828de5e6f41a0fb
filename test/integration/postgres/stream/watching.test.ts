import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../support/postgres.ts";
import { following, logicalServers, until, type Wanted } from "./following.ts";

const ID: Wanted[] = [["id", "value"]];

describe.each(logicalServers())("what is watched on $name", (server) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase(server, { setup: ["CREATE TABLE plain (id int PRIMARY KEY, v text, w text)"] });
  });
  afterAll(() => database.drop());

  const listed = async (): Promise<string[]> =>
    (
      await database.query<{ tablename: string }>(
        "SELECT tablename FROM pg_publication_tables WHERE pubname LIKE 'sqlmem%' ORDER BY 1",
      )
    ).map(({ tablename }) => tablename);

  test.each([
    ["no primary key", "CREATE TABLE x (id int)", /no primary key.*ADD PRIMARY KEY/],
    ["a deferrable one", "CREATE TABLE x (id int PRIMARY KEY DEFERRABLE)", /no primary key/],
    [
      "REPLICA IDENTITY NOTHING",
      "CREATE TABLE x (id int PRIMARY KEY); ALTER TABLE x REPLICA IDENTITY NOTHING",
      /REPLICA IDENTITY DEFAULT/,
    ],
    [
      "an index that is gone",
      "CREATE TABLE x (id int NOT NULL UNIQUE); ALTER TABLE x REPLICA IDENTITY USING INDEX x_id_key; ALTER TABLE x DROP CONSTRAINT x_id_key",
      /index of the REPLICA IDENTITY/,
    ],
    ["an unlogged table", "CREATE UNLOGGED TABLE x (id int PRIMARY KEY)", /unlogged/],
    ["a materialized view", "CREATE MATERIALIZED VIEW x AS SELECT 1 AS id", /materialized view/],
    [
      "a partition without a key",
      "CREATE TABLE x (id int) PARTITION BY LIST (id); CREATE TABLE x1 PARTITION OF x DEFAULT",
      /"x1" has no primary key/,
    ],
  ])("not: %s; its UPDATEs go on", async (_, setup, detail) => {
    await database.query(setup);
    const { source, start, loadTable } = following(database.url);
    await start();
    const found = await source.watch([await loadTable(["x"], ID)]);
    expect(found).toMatchObject({ kind: "bypass", reason: "not-watched", detail: expect.stringMatching(detail) });
    expect(await listed()).toEqual([]);
    await source.stop();
    await database.query(
      setup.startsWith("CREATE MAT") ? "DROP MATERIALIZED VIEW x" : "UPDATE x SET id = id; DROP TABLE x",
    );
  });

  test.each([
    [
      "the whole row, no primary key",
      "CREATE TABLE y (id int, v int); ALTER TABLE y REPLICA IDENTITY FULL",
      ["id"],
      null,
    ],
    [
      "a generated column",
      "CREATE TABLE y (id int PRIMARY KEY, v int GENERATED ALWAYS AS (id * 2) STORED)",
      ["id", "v"],
      null,
    ],
    [
      "a generated column that is not cached",
      "CREATE TABLE y (id int PRIMARY KEY, v int GENERATED ALWAYS AS (id * 2) STORED)",
      ["id"],
      ["id"],
    ],
    [
      "children by inheritance",
      "CREATE TABLE y (id int PRIMARY KEY); CREATE TABLE z (PRIMARY KEY (id)) INHERITS (y)",
      ["id"],
      null,
    ],
    ["a key of a type without an order here", "CREATE TABLE y (id inet PRIMARY KEY)", ["id"], null],
    ["a key of two columns", "CREATE TABLE y (v text, id int, PRIMARY KEY (id, v))", ["v"], ["id", "v"]],
    [
      "partitions with keys of their own",
      "CREATE TABLE y (id int) PARTITION BY LIST (id); CREATE TABLE z PARTITION OF y DEFAULT; ALTER TABLE z ADD PRIMARY KEY (id)",
      ["id"],
      null,
    ],
    [
      "partitions under one key",
      "CREATE TABLE y (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE z PARTITION OF y DEFAULT",
      ["id"],
      ["id"],
    ],
  ])("%s: its key", async (_, setup, columns, key) => {
    await database.query(`DROP TABLE IF EXISTS y CASCADE; ${setup}`);
    const { source, start, loadTable } = following(database.url);
    await start();
    const load = await loadTable(
      ["y"],
      columns.map((name) => [name, "value"] as const),
    );
    const found = await source.watch([load]);
    expect("kind" in found ? found : found.tables.get(load.table.id)?.key).toEqual(key);
  });

  test.each([
    ["ALTER COLUMN TYPE USING", "ALTER TABLE d ALTER v TYPE int USING length(v)"],
    ["ADD COLUMN", "ALTER TABLE d ADD COLUMN more int"],
    ["DROP COLUMN, also one that is cached", "ALTER TABLE d DROP COLUMN v"],
    ["RENAME COLUMN", "ALTER TABLE d RENAME v TO w"],
    ["RENAME", "ALTER TABLE d RENAME TO d_renamed"],
    ["SET SCHEMA", "CREATE SCHEMA other; ALTER TABLE d SET SCHEMA other"],
    ["a table of the same name before it", "CREATE SCHEMA first; CREATE TABLE first.d (id int)"],
    ["DROP TABLE", "DROP TABLE d CASCADE"],
    ["RLS", "ALTER TABLE d ENABLE ROW LEVEL SECURITY"],
    ["an enum's label renamed", "ALTER TYPE d_mood RENAME VALUE 'sad' TO 'bad'"],
    ["an enum's label added", "ALTER TYPE d_mood ADD VALUE 'new'"],
    ["a unique index dropped", "DROP INDEX d_unique"],
    ["a child", "CREATE TABLE d_child () INHERITS (d)"],
    ["the primary key dropped", "ALTER TABLE d DROP CONSTRAINT d_pkey"],
    ["REPLICA IDENTITY NOTHING", "ALTER TABLE d REPLICA IDENTITY NOTHING"],
    [
      "taken out of the publication",
      "DO $$ BEGIN EXECUTE (SELECT format('ALTER PUBLICATION %I DROP TABLE d', pubname) FROM pg_publication WHERE pubname LIKE 'sqlmem%'); END $$",
    ],
    [
      "a row filter in the publication",
      "DO $$ BEGIN EXECUTE (SELECT format('ALTER PUBLICATION %I SET TABLE d WHERE (id > 5)', pubname) FROM pg_publication WHERE pubname LIKE 'sqlmem%'); END $$",
    ],
    [
      "fewer kinds of changes published",
      "DO $$ BEGIN EXECUTE (SELECT format('ALTER PUBLICATION %I SET (publish = %L)', pubname, 'insert') FROM pg_publication WHERE pubname LIKE 'sqlmem%'); END $$",
    ],
  ])("%s is noticed by the next look at definitions", async (_, sql) => {
    await database.query(`
      DROP SCHEMA IF EXISTS other CASCADE; DROP SCHEMA IF EXISTS first CASCADE; DROP TABLE IF EXISTS d, d_renamed CASCADE; DROP TYPE IF EXISTS d_mood;
      CREATE TYPE d_mood AS ENUM ('sad', 'glad');
      CREATE TABLE d (id int PRIMARY KEY, v text, m d_mood, s text); CREATE UNIQUE INDEX d_unique ON d (s)`);
    const url = new URL(database.url);
    url.searchParams.set("options", "-c search_path=first,public");
    const { source, start, follow, said } = following(url.href);
    await start();
    const id = await follow(
      ["d"],
      [
        ["id", "value"],
        ["v", "value"],
        ["m", "value"],
      ],
    );
    await database.query("INSERT INTO d VALUES (1, 'x', 'sad'); CREATE INDEX ON d (v)");
    await database.query("VACUUM ANALYZE d");
    expect(await source.confirm({ timeoutMs: 10_000, definitions: true })).toBe(true);
    expect(said.redefined).toEqual([]);
    await database.query(sql);
    expect(await source.confirm({ timeoutMs: 10_000, definitions: true })).toBe(true);
    expect(said.redefined).toEqual([id]);
    // Whatever it lacks now, it does not stand in the application's way.
    await until(async () => (await listed()).length === 0, "taken out");
    await source.stop();
    expect(said.faults).toEqual([]);
  });

  test("many watches at once, of the same and other tables, with changes of definitions between", async () => {
    for (let i = 0; i < 6; i++) await database.query(`CREATE TABLE many${i} (id int PRIMARY KEY, v text)`);
    const { source, start, follow, said } = following(database.url);
    await start();
    await Promise.all([0, 1, 2, 3, 4, 5].map((i) => follow([`many${i}`], ID)));
    expect((await listed()).filter((name) => name.startsWith("many")).length).toBe(6);
    expect(await source.confirm({ timeoutMs: 10_000, definitions: true })).toBe(true);
    expect(said.redefined).toEqual([]);
  });

  test("an administrator's publication is left as it is; what it lacks is named", async () => {
    await database.query("CREATE TABLE in_it (id int PRIMARY KEY); CREATE PUBLICATION made FOR TABLE in_it");
    const { source, start, follow, feed, loadTable, said } = following(database.url, { publication: "made" });
    await start();
    const id = await follow(["in_it"], ID);
    await database.query("INSERT INTO in_it VALUES (1)");
    expect(await source.confirm({ timeoutMs: 10_000, definitions: true })).toBe(true);
    expect(feed().rows(id)).toEqual([[1]]);
    const why = async (name: string, columns: Wanted[] = ID): Promise<string> => {
      const found = await source.watch([await loadTable([name], columns)]);
      return "kind" in found ? found.detail : "watched";
    };
    expect(await why("plain")).toBe('ALTER PUBLICATION "made" ADD TABLE "public"."plain"');
    await database.query("ALTER PUBLICATION made ADD TABLE plain (id, v)");
    expect(
      await why("plain", [
        ["id", "value"],
        ["v", "value"],
      ]),
    ).toBe("watched");
    expect(await why("plain", [["w", "value"]])).toMatch(
      /leaves the column "w".*DROP TABLE.*ADD TABLE "public"."plain"/,
    );
    await database.query("ALTER PUBLICATION made SET TABLE in_it, plain WHERE (id > 1)");
    expect(await why("plain")).toMatch(/only some rows/);
    expect(await source.confirm({ timeoutMs: 10_000, definitions: true })).toBe(true);
    await database.query("ALTER PUBLICATION made SET (publish = 'insert')");
    expect(await why("in_it")).toMatch(/SET \(publish = 'insert, update, delete, truncate'\)/);
    expect(await source.confirm({ timeoutMs: 10_000, definitions: true })).toBe(true);
    expect(said.redefined).toContain(id);
    await source.stop();
    expect(await database.query("SELECT pubinsert, pubupdate FROM pg_publication WHERE pubname = 'made'")).toEqual([
      { pubinsert: true, pubupdate: false },
    ]);
    await database.query("DROP PUBLICATION made");
  });
});
