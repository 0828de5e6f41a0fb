import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDatabase, newestServer, servers, type TestDatabase } from "../support/postgres.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The command as a process of its own. */
function sqlmem(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [MAIN, ...args],
      { env: { ...process.env, NODE_OPTIONS: "" } },
      (_, out, err) => resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

interface Report {
  readonly sources: readonly {
    readonly kind: string;
    readonly possible: boolean;
    readonly problems: readonly string[];
  }[];
  readonly tables: readonly {
    readonly name: string;
    readonly notCached: string | null;
    readonly stream: string | null;
    readonly touchLog: string | null;
    readonly notify: string | null;
    readonly notes: readonly string[];
  }[];
}

describe.each(servers())("sqlmem doctor on $name", (server) => {
  let database: TestDatabase;
  let role: string;
  let url: string;

  beforeAll(async () => {
    database = await createDatabase(server, {
      setup: [
        "CREATE TABLE keyed (id int PRIMARY KEY, v int, twice int GENERATED ALWAYS AS (v * 2) STORED)",
        "CREATE TABLE keyless (v int)",
        'CREATE SCHEMA "Odd"',
        'CREATE TABLE "Odd"."Na""me" (id int PRIMARY KEY)',
        "CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY)",
        "CREATE TABLE secured (id int PRIMARY KEY)",
        "ALTER TABLE secured ENABLE ROW LEVEL SECURITY",
        "CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id)",
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20)",
        "CREATE MATERIALIZED VIEW m AS SELECT 1 AS one",
      ],
    });
    role = `sqlmem_doctor_${database.name.slice(-10)}`;
    await database.query(`CREATE ROLE ${role} LOGIN`);
    await database.query(`GRANT USAGE ON SCHEMA "Odd" TO ${role}`);
    await database.query(`GRANT SELECT ON ALL TABLES IN SCHEMA public, "Odd" TO ${role}`);
    const parsed = new URL(database.url);
    parsed.username = role;
    url = parsed.href;
  });
  afterAll(async () => {
    await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    await database.drop();
  });

  const report = async (...args: readonly string[]): Promise<Report> => {
    const { out, err } = await sqlmem("doctor", url, "--json", ...args);
    expect(err).toBe("");
    return JSON.parse(out) as Report;
  };
  const tableOf = ({ tables }: Report, name: string): Report["tables"][number] | undefined =>
    tables.find((table) => table.name === name);
  const sourceOf = ({ sources }: Report, kind: string): Report["sources"][number] | undefined =>
    sources.find((source) => source.kind === kind);

  test("what a person reads", async () => {
    const { code, out } = await sqlmem("doctor", url);
    expect(code).toBe(1);
    expect(out).toContain(`role ${role}: may not replicate`);
    expect(out).toContain("connection: direct");
    expect(out).toContain("yes snapshot");
    expect(out).toMatch(/no {2}touch-log/);
    expect(out).toContain(`ALTER ROLE "${role}" REPLICATION;`);
    expect(out).toContain("public.secured: not cached, it has row-level security");
  });

  test("what is said of tables", async () => {
    const all = await report();
    expect(all.tables.map(({ name }) => name)).toEqual([
      '"Odd"."Na""me"',
      "public.keyed",
      "public.keyless",
      "public.m",
      "public.parts",
      "public.secured",
      "public.unlogged",
    ]);
    expect(tableOf(all, "public.keyed")).toMatchObject({ stream: null, notes: [expect.stringContaining("twice")] });
    expect(tableOf(all, "public.keyless")?.stream).toContain("no usable replica identity");
    expect(tableOf(all, "public.unlogged")?.stream).toBe("it is unlogged");
    expect(tableOf(all, "public.m")?.touchLog).toContain("materialized view");
    expect(tableOf(all, "public.parts")?.touchLog).toBe(
      "no trigger sqlmem_touch: public.parts, public.parts_1, public.parts_2",
    );
    const some = await report("--table", "keyed", "--table", '"Odd"."Na""me"');
    expect(some.tables).toHaveLength(2);
  });

  test("it changes nothing", async () => {
    const state = (): Promise<unknown> =>
      database.query(`SELECT (SELECT string_agg(concat(oid, xmin), ',' ORDER BY oid) FROM pg_class) AS classes,
        (SELECT count(*) FROM pg_namespace) AS schemas, (SELECT count(*) FROM pg_trigger) AS triggers,
        (SELECT count(*) FROM pg_publication) AS publications`);
    const before = await state();
    await sqlmem("doctor", database.url);
    await sqlmem("doctor", database.url, "--sql", "touch-log");
    expect(await state()).toEqual(before);
  });

  test.each(["touch-log", "notify"] as const)("the SQL for %s, run, is what was missing", async (kind) => {
    const key = kind === "notify" ? "notify" : "touchLog";
    expect(sourceOf(await report(), kind)?.possible).toBe(false);
    const printed = await sqlmem("doctor", url, "--sql", kind);
    expect(printed).toMatchObject({ code: 0, err: "" });
    await database.query(printed.out);
    const after = await report();
    expect(sourceOf(after, kind)).toMatchObject({ possible: true, problems: [] });
    for (const { name, ...table } of after.tables) {
      if (table.notCached === null && name !== "public.m") expect([name, table[key]]).toEqual([name, null]);
    }
    expect(await sqlmem("doctor", url, "--sql", kind)).toMatchObject({ code: 0, out: "-- Nothing is missing.\n" });
    expect((await sqlmem("doctor", url)).code).toBe(0);
    // A trigger that someone switches off is missed again.
    await database.query(`ALTER TABLE keyless DISABLE TRIGGER ${kind === "notify" ? "sqlmem_notify" : "sqlmem_touch"}`);
    expect(tableOf(await report(), "public.keyless")?.[key]).toContain("no trigger");
  });

  test.each(["touch-log", "notify"] as const)(
    "the SQL that removes what was installed for %s, and nothing else",
    async (kind) => {
      const other = kind === "notify" ? "touch-log" : "notify";
      const left = (): Promise<unknown> =>
        database.query(`SELECT tgrelid::regclass::text AS name, tgname FROM pg_trigger
        WHERE tgname = '${other === "notify" ? "sqlmem_notify" : "sqlmem_touch"}' ORDER BY 1`);
      for (const each of [kind, other]) {
        await database.query((await sqlmem("doctor", database.url, "--sql", each)).out);
      }
      const before = await left();
      const printed = await sqlmem("doctor", url, "--sql", kind, "--remove");
      expect(printed).toMatchObject({ code: 0, err: "" });
      await database.query(printed.out);
      const after = await report();
      expect(sourceOf(after, kind)?.possible).toBe(false);
      expect(
        await database.query(`SELECT FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
        WHERE p.proname = '${kind === "notify" ? "notify_change" : "note_touch"}'`),
      ).toEqual([]);
      expect(await left()).toEqual(before);
      // Writes work without it, and it may be run again.
      await database.query("INSERT INTO keyed (id) VALUES (1) ON CONFLICT DO NOTHING; DELETE FROM keyed");
      await database.query(printed.out);
      const rest = await sqlmem("doctor", url, "--sql", other, "--remove");
      await database.query(rest.out);
      expect(await database.query("SELECT FROM pg_namespace WHERE nspname = 'sqlmem'")).toEqual([]);
    },
  );

  test("what has triggers is cleared of them, though it is not cached any more", async () => {
    await database.query((await sqlmem("doctor", database.url, "--sql", "touch-log")).out);
    await database.query(`CREATE SCHEMA mine; ALTER TABLE keyless SET SCHEMA mine; ALTER TABLE parts DETACH PARTITION parts_2;
      ALTER TABLE keyed ENABLE ROW LEVEL SECURITY`);
    await database.query((await sqlmem("doctor", url, "--sql", "touch-log", "--remove")).out);
    expect(await database.query("SELECT FROM pg_trigger WHERE tgname = 'sqlmem_touch'")).toEqual([]);
    await database.query(`ALTER TABLE mine.keyless SET SCHEMA public; DROP SCHEMA mine;
      ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES FROM (10) TO (20); ALTER TABLE keyed DISABLE ROW LEVEL SECURITY`);
  });

  test("the SQL for stream, where it is a matter of SQL", async () => {
    const before = await report("--table", "keyless");
    expect(tableOf(before, "public.keyless")?.stream).not.toBeNull();
    const { out } = await sqlmem("doctor", url, "--sql", "stream");
    // Of the whole server, for all who use it: not here.
    const own = out.split("\n").filter((line) => !line.startsWith("ALTER SYSTEM"));
    await database.query(own.join("\n"));
    const after = await report();
    expect(tableOf(after, "public.keyless")?.stream).toBeNull();
    const problems = sourceOf(after, "stream")?.problems ?? [];
    expect(problems.filter((problem) => !problem.includes("wal_level"))).toEqual([]);
    if (server.name.startsWith("embedded")) expect(sourceOf(after, "stream")?.possible).toBe(true);
  });

  test("another role's grants", async () => {
    const { out } = await sqlmem("doctor", database.url, "--sql", "touch-log", "--role", "some_one");
    expect(out).toContain('GRANT SELECT ON sqlmem.touch, sqlmem.horizon TO "some_one"');
  });

  test("a table that is not there", async () => {
    const { code, err } = await sqlmem(
      "doctor",
      url,
      "--table",
      "nowhere",
      "--table",
      "not a name",
      "--table",
      "keyed",
    );
    expect(code).toBe(1);
    expect(err).toContain("there is no table nowhere");
    expect(err).toContain("there is no table not a name");
  });
});

describe("sqlmem", () => {
  test("help, and wrong calls", async () => {
    expect(await sqlmem("--help")).toMatchObject({ code: 0, out: expect.stringContaining("sqlmem doctor <url>") });
    for (const [args, said] of [
      [[], "no command"],
      [["cure"], "no such command: cure"],
      [["doctor"], "URL of the database is missing"],
      [["doctor", "secret@nothing"], "that is not a URL"],
      [["doctor", "mysql://localhost/x"], "that is not a URL"],
      [["doctor", "postgresql://x/y", "--sql", "snapshot"], "--sql snapshot"],
      [["doctor", "postgresql://x/y", "--frequency"], "--frequency"],
      [["doctor", "postgresql://x/y", "--remove"], "--remove goes with --sql"],
      [["doctor", "postgresql://x/y", "--remove", "--sql", "stream"], "--remove goes with --sql"],
      [["doctor", "postgresql://x/y", "--remove", "--sql", "notify", "--table", "t"], "--remove"],
    ] as const) {
      const { code, err, out } = await sqlmem(...args);
      expect([args, code, out]).toEqual([args, 2, ""]);
      expect(err).toContain(said);
      expect(err).not.toContain("secret");
    }
  });

  test("a server that is not there", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await new Promise((resolve) => server.close(resolve));
    const { code, err } = await sqlmem("doctor", `postgresql://someone:hidden@127.0.0.1:${port}/x`);
    expect(code).toBe(3);
    expect(err).toContain("ECONNREFUSED");
    expect(err).not.toContain("hidden");
  });

  test("a role and a database that are not there", async () => {
    const url = new URL(newestServer().url);
    url.pathname = "/sqlmem_no_such_database";
    expect(await sqlmem("doctor", url.href)).toMatchObject({ code: 3, err: expect.stringContaining("does not exist") });
  });

  test("a password that the server refuses", async () => {
    // The servers of the tests trust everyone: one that speaks only this much of the protocol.
    const server = createServer((socket) => {
      socket.once("data", () => {
        const message = Buffer.from('SFATAL\0C28P01\0Mpassword authentication failed for user "x"\0\0');
        const head = Buffer.alloc(5);
        head.write("E");
        head.writeInt32BE(message.length + 4, 1);
        socket.end(Buffer.concat([head, message]));
      });
      socket.on("error", () => {});
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const { code, err } = await sqlmem("doctor", `postgresql://x:wrong@127.0.0.1:${port}/x`);
    await new Promise((resolve) => server.close(resolve));
    expect(code).toBe(3);
    expect(err).toContain("password authentication failed");
    expect(err).not.toContain("wrong@");
  });
});
