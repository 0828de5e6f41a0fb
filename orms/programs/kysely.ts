import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import Cursor from "pg-cursor";
import type { Actions, Program } from "../program.ts";
import type { Schema } from "./models/kysely.ts";
import { joins, selects, subqueries } from "./queries/kysely.ts";

type Db = Kysely<Schema>;

/** Not the clock: two runs are compared. */
const WRITTEN = new Date("2024-09-01T00:00:00Z");

export const program: Program = {
  name: "kysely",
  async open({ url, attach }) {
    const pool = attach(new pg.Pool({ connectionString: url, max: 4 }));
    const db: Db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool, cursor: Cursor }) });
    return {
      reads: { ...filters(db), ...selects(db), ...joins(db), ...subqueries(db) },
      unordered: ["allTags"],
      writes: writes(db),
      findFirst: () => db.selectFrom("users").selectAll().where("id", "=", 42).executeTakeFirst(),
      close: () => db.destroy(),
    };
  },
};

function filters(db: Db): Actions {
  const base = () => db.selectFrom("users").select(["id", "name"]).orderBy("id");
  return {
    eq: () => base().where("id", "=", 5).execute(),
    eqText: () => base().where("email", "=", "ada8@mail.test").executeTakeFirst(),
    eqEnum: () => base().where("role", "=", "admin").execute(),
    eqBoolean: () => base().where("active", "=", false).execute(),
    ne: () => base().where("role", "!=", "member").execute(),
    notEqual: () => base().where("role", "<>", "member").execute(),
    gt: () => base().where("age", ">", 50).execute(),
    gte: () => base().where("balance", ">=", "500.10").execute(),
    lt: () => base().where("score", "<", 5.5).execute(),
    lte: () => base().where("created_at", "<=", new Date("2023-02-20T12:00:00Z")).execute(),
    in: () => base().where("id", "in", [1, 2, 3]).execute(),
    notIn: () => base().where("role", "not in", ["admin", "editor"]).execute(),
    is: () => base().where("deleted_at", "is", null).execute(),
    isNot: () => base().where("age", "is not", null).execute(),
    isTrue: () => base().where("active", "is", true).execute(),
    distinctFrom: () => base().where("age", "is distinct from", 32).execute(),
    notDistinctFrom: () => base().where("age", "is not distinct from", null).execute(),
    like: () => base().where("name", "like", "%Smith").execute(),
    notLike: () => base().where("name", "not like", "%Smith%").execute(),
    ilike: () => base().where("name", "ilike", "ada%").execute(),
    notIlike: () => base().where("email", "not ilike", "%EXAMPLE%").execute(),
    similar: () => base().where(sql<boolean>`name similar to ${"(Ada|Mia)%"}`).execute(),
    regex: () => base().where("email", "~", "^ada[0-9]+@").execute(),
    contains: () =>
      base()
        .where("interests", "@>", sql<string[]>`${["sql"]}`)
        .execute(),
    jsonKey: () =>
      base()
        .where((eb) => eb.eb(eb.ref("settings", "->>").key("theme"), "=", "dark"))
        .execute(),
    between: () =>
      base()
        .where((eb) => eb.between("age", 20, 30))
        .execute(),
    betweenSymmetric: () =>
      base()
        .where((eb) => eb.betweenSymmetric("age", 30, 20))
        .execute(),
    and: () => base().where("active", "=", true).where("age", ">", 30).where("deleted_at", "is", null).execute(),
    or: () =>
      base()
        .where((eb) => eb.or([eb("role", "=", "admin"), eb.and([eb("age", "<", 25), eb("id", "!=", 9)])]))
        .execute(),
    orObject: () =>
      base()
        .where((eb) => eb.or({ role: "admin", active: false }))
        .execute(),
    not: () =>
      base()
        .where((eb) => eb.not(eb.or([eb("active", "=", true), eb("role", "=", "admin")])))
        .execute(),
    andObject: () =>
      base()
        .where((eb) => eb.and({ role: "editor", active: true }))
        .execute(),
    columns: () =>
      db.selectFrom("posts").select("id").whereRef("created_at", "<", "published_at").orderBy("id").execute(),
    tuple: () =>
      base()
        .where((eb) =>
          eb(eb.refTuple("role", "active"), "in", [
            eb.tuple("admin" as const, true),
            eb.tuple("editor" as const, false),
          ]),
        )
        .execute(),
    any: () =>
      base()
        .where((eb) => eb("id", "=", eb.fn.any(eb.val([4, 5, 6]))))
        .execute(),
    anyArray: () =>
      base()
        .where((eb) => eb(eb.val("sql"), "=", eb.fn.any("interests")))
        .execute(),
    raw: () => base().where(sql<string>`lower(email)`, "=", "ada8@mail.test").execute(),
    dates: () => base().where("birthday", ">=", new Date("1980-01-01T00:00:00Z")).execute(),
  };
}

function writes(db: Db): Actions {
  return {
    insert: () =>
      db.insertInto("tags").values({ name: "new", color: "#ffffff" }).returningAll().executeTakeFirstOrThrow(),
    insertMany: () =>
      db
        .insertInto("comments")
        .values([
          { post_id: 1, body: "one", created_at: WRITTEN },
          { post_id: 2, body: "two", created_at: WRITTEN },
        ])
        .returning("id")
        .execute(),
    insertFrom: () =>
      db
        .insertInto("post_tags")
        .columns(["post_id", "tag_id"])
        .expression((eb) =>
          eb
            .selectFrom("posts")
            .select(["id", sql<number>`12`.as("tag")])
            .where("id", ">", 230),
        )
        .execute()
        .then(String),
    upsert: () =>
      db
        .insertInto("tags")
        .values({ name: "sql" })
        .onConflict((oc) => oc.column("name").doUpdateSet({ color: "#000000" }))
        .returning(["id", "color"])
        .execute(),
    update: () =>
      db
        .updateTable("users")
        .set((eb) => ({ balance: eb("balance", "+", "1.5"), active: false }))
        .where("id", "=", 7)
        .returning("balance")
        .execute(),
    updateFrom: () =>
      db
        .updateTable("posts")
        .from("users")
        .set({ rating: 5 })
        .whereRef("posts.author_id", "=", "users.id")
        .where("users.role", "=", "admin")
        .returning("posts.id")
        .execute(),
    delete: () => db.deleteFrom("comments").where("post_id", "=", 9).returning("id").execute(),
    transaction: () =>
      db.transaction().execute(async (tx) => {
        const locked = await tx.selectFrom("users").selectAll().where("id", "=", 8).forUpdate().execute();
        await tx.updateTable("users").set({ balance: "1.50" }).where("id", "=", 8).execute();
        return [locked, await tx.selectFrom("users").select("balance").where("id", "=", 8).execute()];
      }),
    controlled: async () => {
      const tx = await db.startTransaction().setIsolationLevel("repeatable read").execute();
      await tx.updateTable("posts").set({ views: "0" }).execute();
      const inside = await tx
        .selectFrom("posts")
        .select((eb) => eb.fn.countAll().as("n"))
        .where("views", "=", "0")
        .execute();
      await tx.rollback().execute();
      return [
        inside,
        await db
          .selectFrom("posts")
          .select((eb) => eb.fn.countAll().as("n"))
          .where("views", "=", "0")
          .execute(),
      ];
    },
  };
}
