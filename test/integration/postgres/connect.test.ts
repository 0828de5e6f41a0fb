import net from "node:net";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Origin } from "../../../src/dialects/dialect.ts";
import { openOrigin } from "../../../src/dialects/postgres/connect.ts";
import { OptionsError } from "../../../src/errors.ts";
import { createDatabase, servers, type TestDatabase } from "../../support/postgres.ts";
import { collect, requireTable } from "./collect.ts";

describe.each(servers())("an origin on $name", (server) => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createDatabase(server);
    await database.query(`
      CREATE SCHEMA hidden; CREATE TABLE hidden.t (at timestamptz, f float8); INSERT INTO hidden.t VALUES ('2020-07-01 12:00+00', 0.1)`);
  });
  afterAll(() => database.drop());

  test("own connections have the session of the pool's clients, however they got it", async () => {
    const role = `role_of_${database.name}`;
    await database.query(
      `CREATE ROLE ${role}; GRANT USAGE ON SCHEMA hidden TO ${role}; GRANT SELECT ON hidden.t TO ${role}`,
    );
    const pool = new pg.Pool({ connectionString: database.url, options: "-c IntervalStyle=iso_8601" });
    pool.on("connect", (client) => {
      void client.query(
        `SET TimeZone = 'Europe/Amsterdam'; SET DateStyle = 'SQL, DMY'; SET extra_float_digits = 0; SET search_path = hidden; SET ROLE ${role}`,
      );
    });
    const origin = openOrigin(pool);
    const { settings, identity } = await origin.ready();
    expect(settings).toMatchObject({ timeZone: "Europe/Amsterdam", dateStyle: "SQL, DMY", extraFloatDigits: 0 });
    expect(settings.fingerprint).toContain("IntervalStyle=iso_8601");
    expect(identity.user).toBe(role);
    const table = requireTable(await origin.catalog.table(["t"]));
    expect(table.schema).toBe("hidden");
    expect(origin.needsText(table.columns[0]?.type as never)).toBe(true);
    expect(origin.needsText(table.columns[1]?.type as never)).toBe(true);
    expect((await origin.describe("SELECT at FROM t WHERE f = $1")).parameterTypes).toEqual([701]);
    const { rows } = await collect(origin, table, [
      ["at", "text"],
      ["f", "text"],
    ]);
    const wire = await pool.query({
      text: "SELECT * FROM t",
      rowMode: "array",
      types: { getTypeParser: () => (text: string) => text },
    });
    expect(rows).toEqual(wire.rows);
    expect(rows[0]?.[0]).toBe("01/07/2020 14:00:00 CEST");
    await origin.close();
    await pool.end();
    await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  test("the user's own parsers do not reach the questions that the origin asks itself", async () => {
    const pool = new pg.Pool({
      connectionString: database.url,
      types: { getTypeParser: () => () => ({ not: "text" }) } as unknown as pg.CustomTypesConfig,
    });
    const origin = openOrigin(pool);
    expect(requireTable(await origin.catalog.table(["hidden", "t"])).columns).toHaveLength(2);
    expect(origin.types.parser(25)("x")).toEqual({ not: "text" });
    expect(origin.types.known(25)).toBe(null);
    await origin.close();
    await pool.end();
  });

  test("identity: the cluster, the database, the user", async () => {
    const origin = openOrigin(database.url);
    const { identity } = await origin.ready();
    const [row] = await database.query<{ id: string }>("SELECT system_identifier::text AS id FROM pg_control_system()");
    expect(identity).toMatchObject({
      system: row?.id,
      user: "postgres",
      database: expect.stringContaining(database.name),
    });
    await origin.close();
  });

  test("a role that may not read the cluster's number still has an identity", async () => {
    const role = `limited_${database.name}`;
    await database.query(`CREATE ROLE ${role}; REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC`);
    const origin = openOrigin({ connectionString: database.url, options: `-c role=${role}` });
    expect((await origin.ready()).identity.system).toMatch(/^address .*:\d+$/);
    await origin.close();
    await database.query(`GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC; DROP ROLE ${role}`);
  });

  test("rows of the user's own driver, under its parsers; errors unchanged", async () => {
    const origin = openOrigin(database.url);
    expect(await origin.query("SELECT 1::int8 AS a, $1::int AS b", [2])).toEqual([{ a: "1", b: 2 }]);
    expect(await origin.query("SELECT 1 AS a; SELECT 2 AS b", undefined)).toEqual([{ b: 2 }]);
    await expect(origin.query("SELECT 1/0", undefined)).rejects.toMatchObject({ code: "22012" });
    await origin.close();
  });

  test("describe: types and names, or the server's own error", async () => {
    const origin = openOrigin(database.url);
    expect(await origin.describe("SELECT f AS x, at FROM hidden.t WHERE at > $2 AND f = $1 LIMIT $3")).toEqual({
      parameterTypes: [701, 1184, 20],
      fields: [
        { name: "x", typeId: 701, typeModifier: -1, native: expect.objectContaining({ dataTypeModifier: -1 }) },
        { name: "at", typeId: 1184, typeModifier: -1, native: expect.objectContaining({ dataTypeModifier: -1 }) },
      ],
    });
    expect(await origin.describe("SET x.y = 1")).toEqual({ parameterTypes: [], fields: [] });
    expect(await origin.describe("")).toEqual({ parameterTypes: [], fields: [] });
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    for (const sql of [
      "SELECT nope FROM hidden.t",
      "SELEC 1",
      "SELECT $1 IS NULL",
      "SELECT 1; SELECT 2",
      "SELECT 'x'::int",
    ]) {
      const theirs = await client
        .query({ text: sql, values: sql.includes("$1") ? [null] : [], queryMode: "extended" } as pg.QueryConfig)
        .catch((error: unknown) => error);
      const ours = await origin.describe(sql).catch((error: unknown) => error);
      expect(ours).toBeInstanceOf(pg.DatabaseError);
      expect({ ...(ours as object), message: (ours as Error).message }).toEqual({
        ...(theirs as object),
        message: (theirs as Error).message,
      });
    }
    await client.end();
    // Many at once, errors among them: each its own answer.
    const many = await Promise.allSettled(
      Array.from({ length: 40 }, (_, index) =>
        origin.describe(index % 3 === 0 ? "nonsense" : `SELECT ${index} AS c${index}`),
      ),
    );
    many.forEach((answer, index) => {
      if (index % 3 === 0) expect(answer.status).toBe("rejected");
      else expect(answer).toMatchObject({ value: { fields: [{ name: `c${index}` }] } });
    });
    await origin.close();
  });

  test("a broken connection of its own: the next question opens another", async () => {
    const origin = openOrigin(database.url);
    await origin.describe("SELECT 1");
    for (let round = 0; round < 3; round++) {
      await database.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sqlmem' AND datname = current_database()",
      );
      expect((await origin.describe("SELECT 1 AS again")).fields[0]?.name).toBe("again");
    }
    await origin.close();
  });

  test("application_name is ours only where the user has none", async () => {
    const origin = openOrigin({ connectionString: database.url, application_name: "shop" });
    await origin.describe("SELECT 1");
    const names = await database.query<{ name: string }>(
      "SELECT DISTINCT application_name AS name FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    expect(names.map(({ name }) => name)).toContain("shop");
    expect(names.map(({ name }) => name)).not.toContain("sqlmem");
    await origin.close();
  });

  test("close: breaks off what is running, and can be called again", async () => {
    const origin = openOrigin(database.url);
    const running = origin.query("SELECT 1", undefined);
    await running;
    const described = origin.describe("SELECT 1");
    const closed = Promise.all([origin.close(), origin.close()]);
    await Promise.allSettled([described]);
    await closed;
    await expect(origin.describe("SELECT 1")).rejects.toThrow();
  });
});

test("an origin that is down: pg's own error, and a later call tries again", async () => {
  const [server] = servers();
  if (server === undefined) return;
  const target = new URL(server.url);
  const listener = net.createServer((socket) => {
    if (!up) {
      socket.destroy();
      return;
    }
    const upstream = net.connect(Number(target.port), target.hostname);
    socket.pipe(upstream).pipe(socket);
    socket.on("error", () => upstream.destroy());
    upstream.on("error", () => socket.destroy());
  });
  let up = false;
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const url = new URL(server.url);
  url.port = String((listener.address() as net.AddressInfo).port);
  url.hostname = "127.0.0.1";
  const origin = openOrigin(url.href);
  await expect(origin.ready()).rejects.toThrow(/terminated|ECONNRESET/);
  await expect(origin.catalog.table(["t"])).rejects.toThrow(/terminated|ECONNRESET/);
  await expect(origin.describe("SELECT 1")).rejects.toThrow(/terminated|ECONNRESET/);
  up = true;
  expect((await origin.ready()).identity.user).toBe("postgres");
  expect((await origin.describe("SELECT 1 AS one")).fields).toHaveLength(1);
  await origin.close();
  listener.close();
  const refused = openOrigin("postgres://postgres@127.0.0.1:1/postgres");
  await expect(refused.ready()).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await refused.close();
});

test("drivers that cannot be cached are refused with a reason", () => {
  class Native extends pg.Client {
    isConnected(): boolean {
      return false;
    }
  }
  const native = new pg.Pool({ Client: Native } as unknown as pg.PoolConfig);
  expect(() => openOrigin(native)).toThrow(OptionsError);
  expect(() => openOrigin({ binary: true } as pg.PoolConfig)).toThrow(/binary/);
});

test("a password that the pool hides reaches own connections", async () => {
  const [server] = servers();
  if (server === undefined) return;
  const url = new URL(server.url);
  let asked = 0;
  const pool = new pg.Pool({
    host: url.hostname,
    port: Number(url.port),
    user: url.username,
    database: "postgres",
    password: url.password ? decodeURIComponent(url.password) : () => String(asked++),
  });
  const origin: Origin = openOrigin(pool);
  expect((await origin.describe("SELECT 1 AS one")).fields).toHaveLength(1);
  await origin.close();
  await pool.end();
});
