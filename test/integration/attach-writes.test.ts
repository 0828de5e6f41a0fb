import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { expect, it, onTestFinished } from "vitest";
import { type AttachedPool, connectClient, isHit, openAttached, warm } from "../support/attach.ts";
import { describeOnServers, type SharedDatabase, temporaryFile, until } from "../support/engine.ts";

let tables = 0;

/** A table of its own: rows (1, 'a'), (2, 'b'). */
async function createTable(database: SharedDatabase): Promise<string> {
  tables += 1;
  const name = `w${tables}`;
  await database.query(`CREATE TABLE ${name} (id int PRIMARY KEY, v text)`);
  await database.query(`INSERT INTO ${name} VALUES (1, 'a'), (2, 'b')`);
  return name;
}

function readOf(table: string): string {
  return `SELECT id, v FROM ${table} ORDER BY id`;
}

/** Caches the tables, runs the action, and expects the pool's next read of each to be as the origin's. */
async function expectSeenAfter(
  { engine, pool, barePool }: AttachedPool,
  names: readonly string[],
  action: () => Promise<unknown>,
): Promise<void> {
  for (const name of names) await warm(engine, pool, readOf(name));
  const before = await Promise.all(names.map(async (name) => (await barePool.query(readOf(name))).rows));
  await action();
  for (const [index, name] of names.entries()) {
    const { rows } = await pool.query(readOf(name));
    expect({ name, rows }).toEqual({ name, rows: (await barePool.query(readOf(name))).rows });
    expect({ name, rows }).not.toEqual({ name, rows: before[index] });
  }
}

describeOnServers("attached: a read after a write", (database) => {
  it("sees each kind of write, awaited, by pool, client, callback, query object, COPY", async () => {
    const attached = await openAttached(database);
    const { engine, pool } = attached;
    const client = engine.attach(await connectClient(database));
    const writes: readonly ((table: string) => Promise<unknown>)[] = [
      (table) => pool.query(`UPDATE ${table} SET v = v || '1' WHERE id = 1`),
      (table) => pool.query({ text: `UPDATE ${table} SET v = v || $1 WHERE id = 1`, values: ["2"], name: "u1" }),
      (table) => pool.query({ text: `UPDATE ${table} SET v = v || $1 WHERE id = 1`, values: ["3"], name: "u2" }),
      (table) => client.query(`INSERT INTO ${table} VALUES ($1, $2)`, [3, "c"]),
      (table) => new Promise((resolve) => client.query(`DELETE FROM ${table} WHERE id = 2`, () => resolve(null))),
      (table) => new Promise((resolve) => pool.query(`INSERT INTO ${table} VALUES (3, 'd')`, () => resolve(null))),
      (table) =>
        new Promise((resolve) =>
          client.query(new pg.Query(`DELETE FROM ${table} WHERE id = 2`)).on("end", () => resolve(null)),
        ),
      (table) => pool.query(`WITH gone AS (DELETE FROM ${table} WHERE id = 2 RETURNING *) SELECT * FROM gone`),
      (table) => pool.query(`SELECT 1; INSERT INTO ${table} VALUES (4, 'e'); SELECT 2`),
      (table) => pool.query(`DO $$ BEGIN INSERT INTO ${table} VALUES (5, 'f'); END $$`),
      (table) =>
        pool.query(
          `MERGE INTO ${table} t USING (SELECT 2 AS id) s ON s.id = t.id WHEN MATCHED THEN UPDATE SET v = 'm'`,
        ),
      (table) =>
        new Promise((resolve, reject) => {
          const stream = client.query(copyFrom(`COPY ${table} FROM STDIN`));
          stream.on("finish", resolve).on("error", reject);
          stream.end("6\tg\n");
        }),
      (table) => pool.query(`PREPARE ins AS INSERT INTO ${table} VALUES (7, 'h'); EXECUTE ins`),
      (table) => pool.query(`TRUNCATE ${table}`),
    ];
    for (const write of writes) {
      const table = await createTable(database);
      await expectSeenAfter(attached, [table], () => write(table));
    }
  });

  it("sees cascades, triggers, functions, and what a view's rule does", async () => {
    const attached = await openAttached(database);
    const { pool } = attached;
    const [parent, child, log] = [
      await createTable(database),
      await createTable(database),
      await createTable(database),
    ];
    await database.query(`ALTER TABLE ${child} ADD COLUMN p int REFERENCES ${parent} ON DELETE CASCADE`);
    await database.query(`UPDATE ${child} SET p = id`);
    await expectSeenAfter(attached, [parent, child], () => pool.query(`DELETE FROM ${parent} WHERE id = $1`, [1]));
    await database.query(`CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN INSERT INTO ${log} VALUES ((SELECT max(id) + 1 FROM ${log}), 'noted'); RETURN NEW; END $$`);
    await database.query(`CREATE TRIGGER noting AFTER INSERT ON ${parent} FOR EACH ROW EXECUTE FUNCTION note()`);
    await attached.engine.invalidate();
    await expectSeenAfter(attached, [parent, log], () => pool.query(`INSERT INTO ${parent} VALUES (9, 'i')`));
    await database.query(`CREATE FUNCTION hide(int) RETURNS int LANGUAGE sql AS
      $$ INSERT INTO ${log} VALUES ($1, 'hidden') RETURNING id $$`);
    await expectSeenAfter(attached, [log], () => pool.query("SELECT hide($1)", [77]));
    await expectSeenAfter(attached, [log], () => pool.query(`SELECT hide(id + 100) FROM ${parent} WHERE id = 9`));
  });

  it("keeps what a write does not touch, and what a failed one did not change", async () => {
    const { engine, pool } = await openAttached(database);
    const [table, other] = [await createTable(database), await createTable(database)];
    for (const name of [table, other]) await warm(engine, pool, readOf(name));
    await pool.query(`INSERT INTO ${other} VALUES (3, 'c')`);
    const { loads } = engine.stats();
    await warm(engine, pool, readOf(table));
    expect(engine.stats().loads).toBe(loads);
    await warm(engine, pool, readOf(other));
    await expect(pool.query(`INSERT INTO ${other} VALUES (3, 'c')`)).rejects.toMatchObject({ code: "23505" });
    expect(await isHit(engine, () => pool.query(readOf(other)))).toBe(true);
    await expect(pool.query(`INSERT INTO ${other} VALUES (4, 'c'); SELECT 1/0`)).rejects.toMatchObject({
      code: "22012",
    });
    expect((await pool.query(readOf(other))).rows).toHaveLength(3);
    await expect(pool.query(`BEGIN; INSERT INTO ${other} VALUES (4, 'c'); COMMIT; SELECT 1/0`)).rejects.toMatchObject({
      code: "22012",
    });
    expect((await pool.query(readOf(other))).rows).toHaveLength(4);
  });

  it("in a transaction: inside at once, outside after COMMIT, never after ROLLBACK", async () => {
    const { engine, pool, barePool } = await openAttached(database);
    const table = await createTable(database);
    const read = readOf(table);
    await warm(engine, pool, read);
    const client = await pool.connect();
    onTestFinished(() => client.release());
    await warm(engine, client, read);

    await client.query("BEGIN");
    await client.query(`UPDATE ${table} SET v = 'x' WHERE id = 1`);
    expect((await client.query(read)).rows[0].v).toBe("x");
    // Others are answered from before it, as soon as it is known what the update reaches.
    await warm(engine, pool, read);
    expect((await pool.query(read)).rows[0].v).toBe("a");
    await client.query("ROLLBACK");
    await warm(engine, client, read);
    expect((await pool.query(read)).rows[0].v).toBe("a");

    for (const [begin, end] of [
      ["BEGIN", "COMMIT"],
      ["start transaction isolation level serializable", "END"],
      ["BEGIN; SELECT 1", "SELECT 1; COMMIT"],
    ] as const) {
      await warm(engine, pool, read);
      await client.query(begin);
      await client.query("SAVEPOINT sp");
      await client.query(`UPDATE ${table} SET v = v || 'y' WHERE id = 1`);
      await client.query("RELEASE sp");
      await warm(engine, pool, read);
      await client.query(end);
      expect((await pool.query(read)).rows).toEqual((await barePool.query(read)).rows);
    }

    await warm(engine, pool, read);
    await client.query("BEGIN");
    await client.query(`UPDATE ${table} SET v = 'chained' WHERE id = 1`);
    await client.query("COMMIT AND CHAIN");
    expect((await pool.query(read)).rows[0].v).toBe("chained");
    expect((await client.query(read)).rows[0].v).toBe("chained");
    await client.query("ROLLBACK");

    await warm(engine, pool, read);
    // What an earlier transaction has reached may still be looked up meanwhile: once of three times nothing is fetched again.
    const fetched: number[] = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      const { loads } = engine.stats();
      await client.query("BEGIN");
      await client.query(`UPDATE ${table} SET v = 'z' WHERE id = 1`);
      await expect(client.query("SELECT 1/0")).rejects.toMatchObject({ code: "22012" });
      expect((await client.query("COMMIT")).command).toBe("ROLLBACK");
      await warm(engine, pool, read);
      fetched.push(engine.stats().loads - loads);
    }
    expect(fetched).toContain(0);
  });

  it("a load that began before the COMMIT is discarded", async () => {
    const attached = await openAttached(database);
    const { engine, pool, proxy } = attached;
    const table = await createTable(database);
    await warm(engine, pool, readOf(table));
    const client = engine.attach(await connectClient(database));
    for (let round = 0; round < 10; round++) {
      await client.query("BEGIN");
      await client.query(`UPDATE ${table} SET v = '${round}' WHERE id = 1`);
      await engine.invalidate(table);
      void pool.query(readOf(table));
      await client.query("COMMIT");
      for (let time = 0; time < 3; time++) {
        expect((await pool.query(readOf(table))).rows[0].v).toBe(String(round));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    expect(proxy.statements.length).toBeGreaterThan(0);
  });

  it("statements that nobody awaited stay in order on their client", async () => {
    const { engine, pool } = await openAttached(database);
    const table = await createTable(database);
    const client = await pool.connect();
    onTestFinished(() => client.release());
    await warm(engine, client, readOf(table));
    const results = await Promise.all([
      client.query(readOf(table)),
      client.query(`UPDATE ${table} SET v = 'x' WHERE id = 1`),
      client.query(readOf(table)),
      client.query(`DELETE FROM ${table}`),
      client.query(readOf(table)),
    ]);
    expect(results.map(({ rows }) => rows.map((row) => row.v).join())).toEqual(["a,b", "", "x,b", "", ""]);
    // A callback that asks again while others wait.
    await warm(engine, client, readOf(table));
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      void client.query(`INSERT INTO ${table} VALUES (1, 'n')`, () => {
        order.push("first");
        void client.query(readOf(table), (_error, result) => {
          order.push(`read ${result.rows.length}`);
          resolve();
        });
      });
      void client.query(`INSERT INTO ${table} VALUES (2, 'n')`, () => order.push("second"));
    });
    expect(order).toEqual(["first", "second", "read 2"]);
  });

  it("writes of many clients at once, each followed by its own read", async () => {
    const { pool } = await openAttached(database, { pool: { max: 6 } });
    const table = await createTable(database);
    await database.query(`ALTER TABLE ${table} ADD COLUMN n int DEFAULT 0`);
    await database.query(`INSERT INTO ${table} SELECT i, 'r' FROM generate_series(10, 15) AS i`);
    const worker = async (id: number): Promise<void> => {
      for (let round = 1; round <= 40; round++) {
        if (round % 3 === 0) {
          const client = await pool.connect();
          await client.query("BEGIN");
          await client.query(`UPDATE ${table} SET n = $1 WHERE id = $2`, [round, id]);
          await client.query("COMMIT");
          client.release();
        } else {
          await pool.query(`UPDATE ${table} SET n = $1 WHERE id = $2`, [round, id]);
        }
        for (let time = 0; time < 3; time++) {
          const { rows } = await pool.query(`SELECT n FROM ${table} WHERE id = $1`, [id]);
          expect(rows).toEqual([{ n: round }]);
        }
      }
    };
    await Promise.all([10, 11, 12, 13, 14, 15].map(worker));
  });

  it("execute sees what attached clients write", async () => {
    const { engine, pool, bare } = await openAttached(database);
    const table = await createTable(database);
    await engine.execute(readOf(table));
    await pool.query(`UPDATE ${table} SET v = 'x'`);
    expect(await engine.execute(readOf(table))).toEqual(await bare(readOf(table)));
    const client = await pool.connect();
    onTestFinished(() => client.release());
    await client.query("BEGIN");
    await client.query(`DELETE FROM ${table} WHERE id = 1`);
    await client.query("COMMIT");
    expect(await engine.execute(readOf(table))).toEqual(await bare(readOf(table)));
  });

  it("what is on its way when the engine is closed is not in the snapshot file, everything else is", async () => {
    const [touched, kept] = [await createTable(database), await createTable(database)];
    const cacheDb = temporaryFile();
    const attached = await openAttached(database, { cacheDb });
    const { engine, pool } = attached;
    for (const table of [touched, kept]) await warm(engine, pool, readOf(table));
    const client = await pool.connect();
    await client.query("BEGIN");
    await client.query(`UPDATE ${touched} SET v = 'after' WHERE id = 1`);
    await engine.close();
    await client.query("COMMIT");
    client.release();
    const next = await openAttached(database, { cacheDb });
    expect(await next.engine.execute(readOf(kept))).toHaveLength(2);
    expect(next.engine.stats()).toMatchObject({ loads: 0 });
    expect((await next.engine.execute(readOf(touched)))[0]).toEqual({ id: 1, v: "after" });
  });

  it("a table that is written more often than read is left alone for a while, and explain says so", async () => {
    await database.query("CREATE TABLE busy AS SELECT i AS id, 0 AS n FROM generate_series(1, 50000) AS i");
    await database.query("ALTER TABLE busy ADD PRIMARY KEY (id)");
    const { engine, pool } = await openAttached(database);
    const read = "SELECT n FROM busy WHERE id = 1";
    await warm(engine, pool, read);
    let written = 0;
    await until("it is left alone", async () => {
      written += 1;
      await pool.query("UPDATE busy SET n = $1 WHERE id = 1", [written]);
      expect((await pool.query(read)).rows).toEqual([{ n: written }]);
      return (engine.stats().bypassesByReason["changes-too-often"] ?? 0) > 0;
    });
    expect(await engine.explain(read)).toMatchObject({ outcome: "bypass", reason: "changes-too-often" });
    const { loads } = engine.stats();
    for (let time = 0; time < 5; time++) expect((await pool.query(read)).rows).toEqual([{ n: written }]);
    expect(engine.stats().loads).toBe(loads);
    await warm(engine, pool, read);
    expect((await pool.query(read)).rows).toEqual([{ n: written }]);
  });

  it("writes before the engine has started count", async () => {
    const table = await createTable(database);
    const attached = await openAttached(database);
    await attached.pool.query(`UPDATE ${table} SET v = 'early' WHERE id = 1`);
    await warm(attached.engine, attached.pool, readOf(table));
    expect((await attached.pool.query(readOf(table))).rows[0].v).toBe("early");
  });
});
