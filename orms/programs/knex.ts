import knex, { type Knex } from "knex";
import type pg from "pg";
import type { Actions, Program } from "../program.ts";

/** Not the clock: two runs are compared. */
const WRITTEN = new Date("2024-09-01T00:00:00Z");

export const program: Program = {
  name: "knex",
  async open({ url, attach }) {
    const db = knex({
      client: "pg",
      connection: url,
      pool: {
        min: 0,
        max: 4,
        afterCreate(client: pg.Client, done: (error: Error | null, client: pg.Client) => void) {
          attach(client);
          done(null, client);
        },
      },
    });
    // Connects, and sees whether it can.
    await db.raw("select 1");
    return {
      reads: { ...filters(db), ...selects(db), ...aggregates(db), ...joins(db), ...subqueries(db) },
      unordered: ["allTags"],
      writes: writes(db),
      findFirst: async () => db("users").where({ id: 42 }).first(),
      close: () => db.destroy(),
    };
  },
};

/** A builder runs when it is awaited. */
function actions(builders: Readonly<Record<string, () => PromiseLike<unknown>>>): Actions {
  return Object.fromEntries(Object.entries(builders).map(([name, build]) => [name, async () => await build()]));
}

function filters(db: Knex): Actions {
  const base = () => db("users").select("id", "name").orderBy("id");
  return actions({
    object: () => base().where({ role: "admin", active: true }),
    eq: () => base().where("id", 5),
    eqText: () => base().where("email", "ada8@mail.test").first(),
    operator: () => base().where("age", ">", 50),
    numeric: () => base().where("balance", ">=", "500.10"),
    float: () => base().where("score", "<", 5.5),
    date: () => base().where("created_at", "<=", new Date("2023-02-20T12:00:00Z")),
    birthday: () => base().where("birthday", "<", "1980-01-01"),
    not: () => base().whereNot("role", "member"),
    notObject: () => base().whereNot({ role: "admin", active: true }),
    in: () => base().whereIn("id", [1, 2, 3]),
    inEmpty: () => base().whereIn("id", []),
    notIn: () => base().whereNotIn("role", ["admin", "editor"]),
    inTuples: () =>
      base().whereIn(
        ["role", "active"],
        [
          ["admin", true],
          ["editor", false],
        ],
      ),
    null: () => base().whereNull("deleted_at"),
    notNull: () => base().whereNotNull("age"),
    between: () => base().whereBetween("age", [20, 30]),
    notBetween: () => base().whereNotBetween("age", [20, 70]),
    like: () => base().whereLike("name", "%Smith"),
    ilike: () => base().whereILike("name", "ada%"),
    likeOperator: () => base().where("name", "like", "%Brien%"),
    notLike: () => base().where("name", "not like", "%Smith%"),
    regex: () => base().where("email", "~", "^ada[0-9]+@"),
    or: () => base().where("role", "admin").orWhere("age", "<", 25),
    nested: () =>
      base()
        .where("active", true)
        .andWhere((where) => void where.where("age", "<", 25).orWhereNull("age")),
    orNested: () =>
      base()
        .where({ role: "admin" })
        .orWhere((where) => void where.where("age", ">", 60).whereNot("id", 9)),
    raw: () => base().whereRaw("lower(email) = ?", ["ada8@mail.test"]),
    column: () => db("posts").select("id").where("created_at", "<", db.ref("published_at")).orderBy("id"),
    jsonPath: () => base().whereJsonPath("settings", "$.level", ">", 2),
    jsonSuperset: () => base().whereJsonSupersetOf("settings", { notify: true }),
    jsonObject: () => db("orders").select("id").whereJsonObject("details", { gift: true }).orderBy("id"),
    array: () => base().whereRaw("? = any(interests)", ["sql"]),
    conditional: () => base().modify((query) => void query.where("active", true)),
  });
}

function selects(db: Knex): Actions {
  return {
    ...actions({
      all: () => db("users").orderBy("id"),
      allTags: () => db.select().table("tags"),
      columns: () => db.select("id", "email as mail").from("users").orderBy("id", "desc"),
      object: () => db("users").column({ key: "id", label: "name" }).orderBy("key"),
      first: () => db("posts").where({ slug: "post-17" }).first(),
      firstColumns: () => db("posts").first("id", "title").where("id", 30),
      pluck: () => db("tags").orderBy("id").pluck("name"),
      page: () =>
        db("posts")
          .orderBy([{ column: "created_at", order: "desc" }, "id"])
          .limit(10)
          .offset(20),
      nullsLast: () => db("users").select("id", "age").orderBy("age", "desc", "last").orderBy("id"),
      orderByRaw: () => db("users").select("id").orderByRaw("age desc nulls last, id").limit(10),
      distinct: () => db("orders").distinct("currency").orderBy("currency"),
      distinctOn: () =>
        db("orders")
          .distinctOn("user_id")
          .select("user_id", "placed_at")
          .orderBy(["user_id", { column: "placed_at", order: "desc" }]),
      byUuid: () => db("orders").where("id", "99a233e6-7156-812c-9681-c22c78e91aaa").first(),
      byCompositeKey: () => db("post_tags").where({ post_id: 5, tag_id: 3 }).first(),
      schema: () => db.withSchema("public").from("tags").select("name").orderBy("id"),
      raw: () => db.raw("select id, name from users where id < ? order by id", [6]),
      rawNamed: () => db.raw("select :column: from users where id = :id", { column: "email", id: 7 }),
      rawSelect: () =>
        db("users")
          .select(db.raw("upper(name) as name"), db.raw("coalesce(age, ?) as age", [0]))
          .orderBy("id"),
      union: () =>
        db("posts")
          .select("author_id as id")
          .union([db("orders").select("user_id as id")])
          .orderBy("id"),
      unionAll: () =>
        db("tags")
          .select("name")
          .unionAll((query) => void query.select("name").from("users").where("role", "admin"))
          .orderBy("name"),
      intersect: () =>
        db("posts")
          .select("author_id as id")
          .intersect([db("orders").select("user_id as id")])
          .orderBy("id"),
      except: () =>
        db("users")
          .select("id")
          .except([db("orders").select("user_id as id")])
          .orderBy("id"),
    }),
    stream: () => db("comments").select("id", "body").where("likes", ">", 15).orderBy("id").stream().toArray(),
  };
}

function aggregates(db: Knex): Actions {
  return actions({
    count: () => db("users").count(),
    countAs: () => db("users").count("* as n").where("active", true).first(),
    countColumn: () => db("users").count("age", { as: "n" }),
    countDistinct: () => db("orders").countDistinct("user_id as n"),
    several: () => db("users").min("created_at").max("score").sum("balance as total").avg("age"),
    groupBy: () =>
      db("orders").select("status").count("* as n").sum({ total: "total" }).groupBy("status").orderBy("status"),
    having: () =>
      db("orders")
        .select("user_id")
        .count("id as n")
        .groupBy("user_id")
        .havingRaw("count(id) > ?", [3])
        .orderBy("user_id"),
    havingBetween: () =>
      db("orders")
        .select("user_id")
        .groupBy("user_id")
        .havingBetween(db.raw("count(*)") as unknown as string, [2, 3])
        .orderBy("user_id"),
    groupByRaw: () =>
      db("orders")
        .select(db.raw("date_trunc('month', placed_at) as month"))
        .count("* as n")
        .groupByRaw("1")
        .orderBy("month"),
    rowNumber: () => db("orders").select("id").rowNumber("n", "placed_at", "user_id").orderBy("id").limit(20),
    rank: () =>
      db("posts")
        .select("id")
        .rank("r", [{ column: "views", order: "desc" }] as never)
        .orderBy("id")
        .limit(10),
  });
}

function joins(db: Knex): Actions {
  return actions({
    inner: () =>
      db("posts")
        .join("users", "users.id", "posts.author_id")
        .select("posts.id", "title", "users.name as author")
        .where("published", true)
        .orderBy("posts.id")
        .limit(20),
    left: () =>
      db("users")
        .leftJoin("profiles", "profiles.user_id", "users.id")
        .select("users.*", "profiles.bio")
        .orderBy("users.id"),
    right: () =>
      db("profiles").rightJoin("users", "profiles.user_id", "users.id").select("users.id", "bio").orderBy("users.id"),
    full: () =>
      db("users as u")
        .fullOuterJoin("orders as o", "o.user_id", "u.id")
        .select("u.id as user", "o.id as order")
        .orderBy(["u.id", "o.id"]),
    cross: () =>
      db("tags")
        .crossJoin(db.raw("profiles"))
        .select("tags.id", "user_id")
        .where("user_id", "<", 4)
        .orderBy(["tags.id", "user_id"]),
    on: () =>
      db("users as u")
        .leftJoin("posts as p", (join) => void join.on("p.author_id", "u.id").andOnVal("p.published", true))
        .select("u.id", "p.id as post")
        .orderBy(["u.id", "p.id"]),
    onIn: () =>
      db("users as u")
        .join("orders as o", (join) => void join.on("o.user_id", "u.id").onIn("o.status", ["paid", "shipped"]))
        .select("u.id", "o.id as order")
        .orderBy(["u.id", "o.id"]),
    manyToMany: () =>
      db("tags as t")
        .join("post_tags as pt", { "pt.tag_id": "t.id" })
        .where("pt.post_id", 5)
        .select("t.*")
        .orderBy("t.name"),
    three: () =>
      db("comments as c")
        .join("posts as p", "p.id", "c.post_id")
        .leftJoin("users as u", "u.id", "c.user_id")
        .select("c.id", "p.title", "u.name")
        .whereILike("p.title", "%sql%")
        .orderBy([{ column: "c.likes", order: "desc" }, "c.id"])
        .limit(15),
    self: () =>
      db("users as u")
        .leftJoin("users as m", "m.id", "u.manager_id")
        .select("u.id", "m.name as manager")
        .orderBy("u.id"),
    aggregate: () =>
      db("posts as p")
        .leftJoin("comments as c", "c.post_id", "p.id")
        .select("p.id", "p.title")
        .count("c.id as comments")
        .sum("c.likes as likes")
        .groupBy("p.id")
        .orderBy([{ column: "comments", order: "desc" }, "p.id"])
        .limit(10),
    subquery: () =>
      db("users as u")
        .join(db("orders").select("user_id").sum("total as spent").groupBy("user_id").as("o"), "o.user_id", "u.id")
        .select("u.name", "o.spent")
        .orderBy([{ column: "o.spent", order: "desc" }, "u.id"])
        .limit(5),
    using: () =>
      db("orders as o")
        .join("profiles as p", (join) => void join.using("user_id"))
        .select("o.id", "p.website")
        .orderBy("o.id")
        .limit(10),
  });
}

function subqueries(db: Knex): Actions {
  return actions({
    exists: () =>
      db("users")
        .select("id")
        .whereExists(db("posts").select(db.raw("1")).whereRaw("posts.author_id = users.id"))
        .orderBy("id"),
    notExists: () =>
      db("users")
        .select("id")
        .whereNotExists((query) => void query.select("*").from("orders").whereRaw("orders.user_id = users.id"))
        .orderBy("id"),
    inSubquery: () =>
      db("users")
        .select("id")
        .whereIn("id", db("orders").select("user_id").where("total", ">", 900))
        .orderBy("id"),
    scalar: () =>
      db("posts")
        .select("id", db("comments").count("*").whereRaw("comments.post_id = posts.id").as("comments"))
        .orderBy("id")
        .limit(15),
    compared: () => db("users").select("id").where("age", ">", db("users").avg("age")).orderBy("id"),
    from: () =>
      db
        .from(db("posts").select("id", "views").where("published", true).as("p"))
        .orderBy([{ column: "views", order: "desc" }, "id"])
        .limit(3),
    cte: () =>
      db
        .with("big", db("orders").where("total", ">", 500))
        .from("big")
        .select("user_id")
        .count("* as n")
        .groupBy("user_id")
        .orderBy("user_id"),
    recursive: () =>
      db
        .withRecursive("team", (query) => {
          query
            .select("id", "name")
            .from("users")
            .where("id", 2)
            .unionAll((union) => {
              union.select("u.id", "u.name").from("users as u").join("team as t", "t.id", "u.manager_id");
            });
        })
        .from("team")
        .orderBy("id"),
  });
}

function writes(db: Knex): Actions {
  return {
    ...actions({
      insert: () => db("tags").insert({ name: "new", color: "#ffffff" }).returning("*"),
      insertMany: () =>
        db("comments").insert(
          [
            { post_id: 1, body: "one", created_at: WRITTEN },
            { post_id: 2, body: "two", created_at: WRITTEN },
          ],
          ["id"],
        ),
      batchInsert: () => db.batchInsert("tags", [{ name: "a" }, { name: "b" }, { name: "c" }], 2),
      upsert: () =>
        db("tags").insert({ name: "sql", color: "#000000" }).onConflict("name").merge().returning(["id", "color"]),
      update: () => db("users").where({ id: 7 }).update({ active: false }, ["id", "active"]),
      increment: () => db("users").where("id", 7).increment("balance", 1.5),
      delete: () => db("comments").where("post_id", 9).del(["id"]),
    }),
    transaction: () =>
      db.transaction(async (tx) => {
        const locked = await tx("users").where("id", 8).forUpdate();
        await tx("users").where("id", 8).update({ balance: "1.50" });
        await tx.transaction(async (nested) => {
          await nested("tags").insert({ name: "nested" });
        });
        return [locked, await tx("users").where("id", 8).first("balance")];
      }),
    rolledBack: async () => {
      const tx = await db.transaction({ isolationLevel: "repeatable read" });
      await tx("posts").update({ views: 0 });
      const inside = await tx("posts").count("*").where("views", 0);
      await tx.rollback();
      return [inside, await db("posts").count("*").where("views", 0)];
    },
  };
}
