import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { expect, it, onTestFinished } from "vitest";
import { OptionsError } from "../../src/errors.ts";
import { ATTACHED_HIT, ask, connectClient, countedBy, isHit, openAttached, warm } from "../support/attach.ts";
import { describeOnServers, openEngine, until } from "../support/engine.ts";

const SETUP = [
  `CREATE TABLE things (
     id int PRIMARY KEY, big bigint, name text, code char(5), short varchar(7), price numeric(10,2), ratio float8, free numeric,
     ok boolean, day date, at timestamp, zoned timestamptz, uid uuid, data jsonb, list int[], words text[], span interval, raw bytea)`,
  `INSERT INTO things SELECT i, 9007199254740993 + i, 'n' || i, 'c' || i, 'v' || i, i * 1.5, i / 3.0, i / 7.0, i % 2 = 0,
     date '2024-01-01' + i, timestamp '2024-01-01 10:00:00.123456' + i * interval '1 hour',
     timestamptz '2024-06-01 10:00:00.5+02' + i * interval '1 day', gen_random_uuid(), jsonb_build_object('i', i),
     ARRAY[i, NULL, i + 1], ARRAY['a', NULL, 'b "q"'], i * interval '1 day 02:03:04.5', decode('00ff', 'hex')
   FROM generate_series(1, 300) AS i`,
  "INSERT INTO things (id) VALUES (1000)",
];

const ALL = "SELECT * FROM things WHERE id = $1";

/** What a program can see of a result, hidden keys included; functions by what they are called. */
function anatomy(result: unknown): unknown {
  const seen = result as Record<string, unknown> & { fields: object[]; _parsers: unknown[] };
  return {
    prototype: Object.getPrototypeOf(seen)?.constructor?.name,
    keys: Object.getOwnPropertyNames(seen),
    enumerable: Object.keys(seen),
    values: Object.fromEntries(
      ["command", "rowCount", "oid", "rows", "RowCtor", "rowAsArray", "_prebuiltEmptyResultObject"].map((key) => [
        key,
        seen[key],
      ]),
    ),
    rowPrototypes: (seen.rows as object[]).map((row) => Object.getPrototypeOf(row) === Object.prototype),
    fields: seen.fields.map((field) => [field.constructor.name, Object.entries(field)]),
    parsers: seen._parsers.length,
  };
}

describeOnServers(
  "attached: answers are those of the driver",
  (database) => {
    const identity: pg.CustomTypesConfig = { getTypeParser: () => (text: string) => `<${text}>` };
    const mixed: pg.CustomTypesConfig = {
      // As Drizzle does: a new function with each look-up, the driver's own for the rest.
      getTypeParser: ((typeId: number, format: "text") =>
        [1082, 1114, 1184].includes(typeId)
          ? (text: string) => text
          : pg.types.getTypeParser(typeId, format)) as pg.CustomTypesConfig["getTypeParser"],
    };

    it("in each shape of the arguments", async () => {
      const { engine, pool, barePool } = await openAttached(database);
      const wide = { text: ALL, values: [7] };
      const configs: readonly pg.QueryConfig[] = [
        wide,
        { ...wide, rowMode: "array" } as pg.QueryArrayConfig,
        { ...wide, types: identity },
        { ...wide, types: identity, rowMode: "array" } as pg.QueryArrayConfig,
        { ...wide, types: mixed },
        { ...wide, name: "by_id" },
        { text: ALL, values: [1000] },
        { text: ALL, values: [-1] },
        { text: "SELECT id AS a, name AS a, id AS b FROM things WHERE id < 4 ORDER BY id" },
        {
          text: "SELECT id AS a, name AS a FROM things WHERE id < 4 ORDER BY id",
          rowMode: "array",
        } as pg.QueryArrayConfig,
        { text: "SELECT count(*), sum(id), max(zoned) FROM things" },
        { text: "SELECT name FROM things WHERE id = 3", values: [] },
      ];
      const client = await pool.connect();
      onTestFinished(() => client.release());
      for (const config of configs) {
        for (const target of [pool, client]) {
          await warm(engine, target, config);
          const [ours, theirs] = await Promise.all([target.query(config), barePool.query(config)]);
          expect(ours.rows).toStrictEqual(theirs.rows);
          expect(anatomy(ours)).toEqual(anatomy(theirs));
        }
      }
      const forms: readonly ((target: pg.Pool | pg.ClientBase) => Promise<unknown>)[] = [
        (target) => target.query(ALL, [7]),
        (target) => target.query({ text: ALL }, [7]),
        (target) => target.query({ text: ALL, values: [8] }, [7]),
        (target) => new Promise((resolve) => target.query(ALL, [7], (_error, result) => resolve(result))),
        (target) =>
          new Promise((resolve) => target.query(wide, (_error: Error, result: pg.QueryResult) => resolve(result))),
        (target) =>
          new Promise((resolve) =>
            target.query("SELECT name FROM things WHERE id = 3", (_error: Error, result: pg.QueryResult) =>
              resolve(result),
            ),
          ),
      ];
      for (const form of forms) {
        for (const target of [pool, client]) {
          const result: unknown[] = [];
          expect(await countedBy(engine, async () => result.push(await form(target)))).toEqual(ATTACHED_HIT);
          expect(anatomy(result[0])).toEqual(anatomy(await form(barePool)));
        }
      }
    });

    it("fields, rows and parsers are the caller's to change", async () => {
      const { engine, pool } = await openAttached(database);
      await warm(engine, pool, ALL, [7]);
      const first = await pool.query(ALL, [7]);
      const second = await pool.query(ALL, [7]);
      expect(first.fields).not.toBe(second.fields);
      expect(first.fields[0]).not.toBe(second.fields[0]);
      first.fields.length = 0;
      first.rows[0].list.push(99);
      expect((await pool.query(ALL, [7])).rows).toEqual(second.rows);
    });

    it("under parsers of the pool, of a client, and global ones, whenever they change", async () => {
      const types = { getTypeParser: (typeId: number) => (text: string) => `${typeId}:${text}` };
      const sql = "SELECT id, name, price, zoned FROM things WHERE id = $1";
      const own = await openAttached(database, { pool: { types } });
      await warm(own.engine, own.pool, sql, [5]);
      expect((await own.pool.query(sql, [5])).rows).toEqual((await own.barePool.query(sql, [5])).rows);

      const { engine, pool, barePool } = await openAttached(database);
      await warm(engine, pool, sql, [5]);
      const [client, bare] = [await pool.connect(), await barePool.connect()];
      onTestFinished(() => {
        client.release();
        bare.release();
      });
      await warm(engine, client, sql, [5]);
      for (const each of [client, bare]) each.setTypeParser(1700, (text) => Number(text));
      expect(await isHit(engine, () => client.query(sql, [5]))).toBe(true);
      expect((await client.query(sql, [5])).rows).toEqual((await bare.query(sql, [5])).rows);
      expect((await client.query(sql, [5])).rows[0].price).toBe(7.5);

      await warm(engine, pool, sql, [5]);
      expect((await pool.query(sql, [5])).rows[0].price).toBe("7.50");

      const before = pg.types.getTypeParser(1184, "text");
      pg.types.setTypeParser(1184, (text) => `at ${text}`);
      try {
        expect(await isHit(engine, () => pool.query(sql, [5]))).toBe(true);
        expect((await pool.query(sql, [5])).rows).toEqual((await barePool.query(sql, [5])).rows);
      } finally {
        pg.types.setTypeParser(1184, before);
      }
    });

    it("errors: of the statement, of a parser, of the arguments", async () => {
      const { engine, pool, barePool } = await openAttached(database);
      const sql = "SELECT id FROM things WHERE id = $1";
      await warm(engine, pool, sql, [1]);
      const failing = {
        text: sql,
        values: [1],
        types: {
          getTypeParser: () => () => {
            throw new Error("no such value");
          },
        },
      };
      const attempts: readonly ((target: pg.Pool) => Promise<unknown>)[] = [
        (target) => target.query(sql, ["x"]),
        (target) => target.query(sql, [1, 2]),
        (target) => target.query(sql),
        (target) => target.query("SELECT id / 0 FROM things"),
        (target) => target.query("SELEC"),
        (target) => target.query("INSERT INTO things (id) VALUES (1)"),
        (target) => target.query(failing),
        (target) => target.query({ text: sql, values: "x" as unknown as unknown[] }),
        (target) => target.query({} as pg.QueryConfig),
      ];
      for (const attempt of attempts) {
        const [ours, theirs] = await Promise.allSettled([attempt(pool), attempt(barePool)]);
        expect(ours.status).toBe("rejected");
        if (ours.status !== "rejected" || theirs.status !== "rejected") continue;
        expect({ ...ours.reason }).toEqual({ ...theirs.reason });
        expect(ours.reason.message).toBe(theirs.reason.message);
        expect(ours.reason.constructor).toBe(theirs.reason.constructor);
      }
      await expect(pool.query(undefined as unknown as string)).rejects.toThrow("Client was passed a null");
      const client = await connectClient(database);
      engine.attach(client);
      expect(() => client.query(undefined as unknown as string)).toThrow("Client was passed a null or undefined query");
    });

    it("the stack of an error leads to who asked", async () => {
      const { engine, pool } = await openAttached(database);
      await warm(engine, pool, "SELECT id FROM things WHERE id = 1");
      async function whoAsked(target: Pick<pg.Pool, "query">): Promise<unknown> {
        return await target.query("SELECT nothing FROM things");
      }
      for (const target of [pool, engine.attach(await connectClient(database))]) {
        await expect(whoAsked(target)).rejects.toThrow(
          expect.objectContaining({ stack: expect.stringContaining("whoAsked") }),
        );
      }
    });

    it("a callback is called later, and what it throws is nobody's", async () => {
      const { engine, pool } = await openAttached(database);
      const client = engine.attach(await connectClient(database));
      const sql = "SELECT id FROM things WHERE id = 1";
      await warm(engine, pool, sql);
      await warm(engine, client, sql);
      for (const target of [pool, client]) {
        const order: string[] = [];
        await new Promise<void>((resolve) => {
          const returned = target.query(sql, (error: Error, result: pg.QueryResult) => {
            order.push("called");
            expect(error ?? null).toBeNull();
            expect(result.rows).toEqual([{ id: 1 }]);
            resolve();
          });
          expect(returned).toBeUndefined();
          order.push("returned");
        });
        expect(order).toEqual(["returned", "called"]);
        const thrown = new Promise((resolve) => process.once("uncaughtException", resolve));
        const listeners = process.listeners("uncaughtException").slice(0, -1);
        for (const listener of listeners) process.off("uncaughtException", listener);
        target.query(sql, () => {
          throw new Error("of the callback");
        });
        expect(await thrown).toMatchObject({ message: "of the callback" });
        for (const listener of listeners) process.on("uncaughtException", listener);
      }
    });

    it("portals, query objects, COPY, several statements and named statements are the driver's own business", async () => {
      const { engine, pool, barePool } = await openAttached(database);
      const sql = "SELECT id FROM things WHERE id < 4 ORDER BY id";
      const client = await pool.connect();
      onTestFinished(() => client.release());
      await warm(engine, client, sql);
      const portal = await client.query({ text: sql, rows: 2 } as pg.QueryConfig);
      expect(portal.rows).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
      expect((await client.query(copyTo(`COPY (${sql}) TO STDOUT`)).toArray()).join("")).toBe("1\n2\n3\n");
      const rows: unknown[] = [];
      const query = client.query(new pg.Query(sql));
      query.on("row", (row) => rows.push(row));
      await new Promise((resolve) => query.on("end", resolve));
      expect(rows).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
      const [ours, theirs] = await Promise.all([
        pool.query(`${sql}; SELECT 1 AS one`),
        barePool.query(`${sql}; SELECT 1 AS one`),
      ]);
      expect(ours).toHaveLength(2);
      expect((ours as unknown as pg.QueryResult[]).map(anatomy)).toEqual(
        (theirs as unknown as pg.QueryResult[]).map(anatomy),
      );
      await client.query({ name: "n", text: "SELECT 1 AS one" });
      await expect(client.query({ name: "n", text: sql })).rejects.toThrow("Prepared statements must be unique");
    });

    it("clients that were lent before, clients that come later, and a client of its own", async () => {
      const { engine, pool } = await openEngine(database);
      const before = await pool.connect();
      onTestFinished(() => before.release());
      engine.attach(pool);
      engine.attach(pool);
      const after = await pool.connect();
      onTestFinished(() => after.release());
      const own = engine.attach(await connectClient(database));
      const unconnected = engine.attach(new pg.Client({ connectionString: database.url }));
      await unconnected.connect();
      onTestFinished(() => unconnected.end());
      for (const client of [before, after, own, unconnected]) {
        await warm(engine, client, ALL, [3]);
        expect((await client.query(ALL, [3])).rows[0].name).toBe("n3");
      }
    });

    it("detach leaves everything as it was", async () => {
      const { engine, pool } = await openEngine(database);
      const client = await connectClient(database);
      const query = pool.query;
      const names = [...pool.eventNames()];
      const connectionNames = client.eventNames();
      for (const target of [pool, client]) engine.attach(target);
      expect(Object.keys(pool)).not.toContain("query");
      await warm(engine, pool, ALL, [3]);
      await warm(engine, client, ALL, [3]);
      for (const target of [pool, client]) {
        expect(engine.detach(target)).toBe(target);
        expect(engine.detach(target)).toBe(target);
        expect(Object.hasOwn(target, "query")).toBe(false);
        expect(await isHit(engine, () => ask(target, ALL, [3]))).toBe(false);
      }
      expect(pool.query).toBe(query);
      expect(pool.eventNames()).toEqual(names);
      expect(client.eventNames()).toEqual(connectionNames);
      const lent = await pool.connect();
      onTestFinished(() => lent.release());
      expect(Object.hasOwn(lent, "query")).toBe(false);
    });

    it("what execute has answered before is answered too", async () => {
      const { engine, pool } = await openEngine(database, { mode: "transparent" });
      await engine.execute(ALL, [7]);
      expect(engine.attach(pool)).toBe(pool);
      await warm(engine, pool, ALL, [7]);
    });

    it("a closed engine has left the pool alone", async () => {
      const { engine, pool } = await openAttached(database);
      await warm(engine, pool, ALL, [3]);
      await engine.close();
      expect(Object.hasOwn(pool, "query")).toBe(false);
      expect((await pool.query(ALL, [3])).rows[0].name).toBe("n3");
      expect(() => engine.attach(pool)).toThrow("closed");
    });

    it("refuses what it cannot be attached to", async () => {
      const { engine, pool } = await openAttached(database);
      const other = await openEngine(database);
      class Native extends pg.Client {
        isConnected(): boolean {
          return true;
        }
      }
      const wrong: readonly object[] = [
        { query() {} },
        new Native(),
        new pg.Pool({ Client: Native as unknown as new () => pg.ClientBase }),
        null as unknown as object,
      ];
      for (const target of wrong) {
        expect(() => engine.attach(target as { query: unknown })).toThrow(OptionsError);
      }
      expect(() => other.engine.attach(pool)).toThrow("another engine");
      engine.detach(pool);
      other.engine.attach(pool);
    });

    it("literals in the text share one plan", async () => {
      const { engine, pool } = await openAttached(database);
      await warm(engine, pool, "SELECT name FROM things WHERE id = 1");
      expect(await countedBy(engine, () => pool.query("SELECT name FROM things WHERE id = 211"))).toEqual(ATTACHED_HIT);
      expect((await pool.query("SELECT name FROM things WHERE id = 212")).rows).toEqual([{ name: "n212" }]);
    });

    it("execute passes through the attached pool what it does not answer itself", async () => {
      const { engine, pool, proxy } = await openAttached(database, { mode: "transparent" });
      const sql = "SELECT id FROM things WHERE id = 4";
      await warm(engine, pool, sql);
      proxy.clear();
      expect(await engine.execute("SELECT 1 AS one")).toEqual([{ one: 1 }]);
      expect(proxy.statements).toContain("SELECT 1 AS one");
      expect(await countedBy(engine, () => engine.execute(sql))).toEqual(ATTACHED_HIT);
    });

    it("a pool that ends refuses hits, too", async () => {
      const { engine, pool, barePool } = await openAttached(database);
      await warm(engine, pool, ALL, [3]);
      const [ended, bareEnded] = [pool, new pg.Pool({ connectionString: database.url })];
      await Promise.all([ended.end(), bareEnded.end()]);
      const [ours, theirs] = await Promise.allSettled([ended.query(ALL, [3]), bareEnded.query(ALL, [3])]);
      expect(ours).toEqual(theirs);
      void barePool;
    });

    it("a saturated pool does not hold up hits; a pool of one keeps its order", async () => {
      const { engine, pool } = await openAttached(database, { pool: { max: 2 } });
      await warm(engine, pool, ALL, [3]);
      const held = [await pool.connect(), await pool.connect()];
      expect((await pool.query(ALL, [3])).rows[0].name).toBe("n3");
      for (const client of held) client.release();

      const one = await openAttached(database, { pool: { max: 1 } });
      await warm(one.engine, one.pool, ALL, [3]);
      await database.query("CREATE TABLE IF NOT EXISTS ordered (id int PRIMARY KEY, v int)");
      await database.query("INSERT INTO ordered VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET v = 1");
      const read = "SELECT v FROM ordered WHERE id = 1";
      await warm(one.engine, one.pool, read);
      const writing = one.pool.query("UPDATE ordered SET v = 2 WHERE id = 1");
      expect((await one.pool.query(read)).rows).toEqual([{ v: 2 }]);
      await writing;
    });

    it("what stands in the explanation, and in the counters", async () => {
      const { engine, pool } = await openAttached(database);
      await warm(engine, pool, ALL, [3]);
      // Wildcards are the ORMs' daily bread: attached clients are always transparent.
      expect((await engine.explain(ALL)).reason).toBe("wildcard");
      await pool.query("SELECT 1");
      await until("the text is known", async () => {
        await pool.query("SELECT 1");
        return (engine.stats().bypassesByReason["no-table"] ?? 0) > 0;
      });
      await sleep(0);
    });
  },
  { setup: SETUP, newestOnly: true },
);
