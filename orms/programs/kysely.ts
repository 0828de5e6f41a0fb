import { type ExpressionBuilder, type Generated, type JSONColumnType, Kysely, PostgresDialect, sql } from "kysely";
import { jsonArrayFrom, jsonBuildObject, jsonObjectFrom } from "kysely/helpers/postgres";
import pg from "pg";
import Cursor from "pg-cursor";
import type { Actions, Program } from "../program.ts";

interface Schema {
  users: {
    id: Generated<number>;
    email: string;
    name: string;
    role: "admin" | "editor" | "member";
    active: boolean;
    age: number | null;
    balance: string;
    score: number;
    settings: JSONColumnType<{ theme: string; notify: boolean; level: number }>;
    interests: string[];
    birthday: Date | null;
    manager_id: number | null;
    created_at: Date;
    deleted_at: Date | null;
  };
  profiles: { user_id: number; bio: string | null; website: string | null; avatar: Buffer | null };
  posts: {
    id: Generated<number>;
    author_id: number;
    title: string;
    slug: string;
    body: string;
    published: boolean;
    views: string;
    rating: number | null;
    published_at: Date | null;
    created_at: Date;
  };
  comments: {
    id: Generated<string>;
    post_id: number;
    user_id: number | null;
    body: string;
    likes: Generated<number>;
    created_at: Generated<Date>;
  };
  tags: { id: Generated<number>; name: string; color: string | null };
  post_tags: { post_id: number; tag_id: number };
  orders: {
    id: string;
    user_id: number;
    status: "pending" | "paid" | "shipped" | "cancelled";
    total: string;
    discount: string | null;
    currency: string;
    details: JSONColumnType<{ address: { city: string } }> | null;
    note: unknown;
    quantities: number[];
    placed_at: Date;
    shipped_on: Date | null;
  };
  order_items: { order_id: string; line: number; product: string; quantity: number; price: string };
}
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

function selects(db: Db): Actions {
  return {
    all: () => db.selectFrom("users").selectAll().orderBy("id").execute(),
    allTags: () => db.selectFrom("tags").selectAll().execute(),
    allOf: () => db.selectFrom("posts as p").selectAll("p").where("p.id", "=", 30).executeTakeFirstOrThrow(),
    aliased: () =>
      db.selectFrom("users as u").select(["u.id as userId", "u.email as mail"]).orderBy("u.id", "desc").execute(),
    page: () =>
      db.selectFrom("posts").selectAll().orderBy("created_at", "desc").orderBy("id").limit(10).offset(20).execute(),
    nullsLast: () =>
      db
        .selectFrom("users")
        .select(["id", "age"])
        .orderBy("age", (order) => order.desc().nullsLast())
        .orderBy("id")
        .execute(),
    fetch: () => db.selectFrom("posts").select("id").orderBy("id").fetch(5).execute(),
    distinct: () => db.selectFrom("orders").select("currency").distinct().orderBy("currency").execute(),
    distinctOn: () =>
      db
        .selectFrom("orders")
        .distinctOn("user_id")
        .select(["user_id", "placed_at"])
        .orderBy("user_id")
        .orderBy("placed_at", "desc")
        .execute(),
    count: () =>
      db
        .selectFrom("users")
        .select((eb) => eb.fn.countAll().as("n"))
        .executeTakeFirstOrThrow(),
    countNumber: () =>
      db
        .selectFrom("users")
        .select(({ fn }) => fn.count<number>("age").filterWhere("active", "=", true).as("n"))
        .execute(),
    countDistinct: () =>
      db
        .selectFrom("orders")
        .select(({ fn }) => fn.count("user_id").distinct().as("n"))
        .execute(),
    aggregates: () =>
      db
        .selectFrom("users")
        .select(({ fn }) => [
          fn.avg("age").as("avg"),
          fn.sum("balance").as("sum"),
          fn.min("created_at").as("min"),
          fn.max("score").as("max"),
        ])
        .execute(),
    groupBy: () =>
      db
        .selectFrom("orders")
        .select(["status", (eb) => eb.fn.sum("total").as("total"), (eb) => eb.fn.countAll().as("n")])
        .groupBy("status")
        .orderBy("status")
        .execute(),
    having: () =>
      db
        .selectFrom("orders")
        .select("user_id")
        .select(({ fn }) => fn.count("id").as("n"))
        .groupBy("user_id")
        .having(({ fn }) => fn.count("id"), ">", 3)
        .orderBy("n", "desc")
        .orderBy("user_id")
        .execute(),
    groupByMonth: () =>
      db
        .selectFrom("orders")
        .select([sql<Date>`date_trunc('month', placed_at)`.as("month"), sql<string>`count(*)`.as("n")])
        .groupBy("month")
        .orderBy("month")
        .execute(),
    case: () =>
      db
        .selectFrom("users")
        .select([
          "id",
          (eb) =>
            eb
              .case()
              .when("age", "<", 30)
              .then("young")
              .when("age", ">=", 60)
              .then("old")
              .else("middle")
              .end()
              .as("class"),
        ])
        .orderBy("id")
        .execute(),
    coalesce: () =>
      db
        .selectFrom("users")
        .select(["id", (eb) => eb.fn.coalesce("age", eb.lit(0)).as("age")])
        .orderBy("id")
        .execute(),
    functions: () =>
      db
        .selectFrom("users")
        .select((eb) => [
          eb.fn<string>("upper", ["name"]).as("upper"),
          eb("score", "*", 2).as("double"),
          eb.cast<string>("id", "text").as("text"),
        ])
        .orderBy("id")
        .execute(),
    concat: () =>
      db
        .selectFrom("users")
        .select(sql<string>`${sql.ref("name")} || ' <' || ${sql.ref("email")} || '>'`.as("label"))
        .orderBy("id")
        .execute(),
    jsonRef: () =>
      db
        .selectFrom("orders")
        .select(["id", (eb) => eb.ref("details", "->").key("address").as("address")])
        .orderBy("id")
        .limit(10)
        .execute(),
    jsonBuild: () =>
      db
        .selectFrom("users")
        .select((eb) => jsonBuildObject({ id: eb.ref("id"), name: eb.ref("name") }).as("user"))
        .orderBy("id")
        .limit(5)
        .execute(),
    window: () =>
      db
        .selectFrom("orders")
        .select([
          "id",
          (eb) =>
            eb.fn
              .agg<string>("row_number")
              .over((over) => over.partitionBy("user_id").orderBy("placed_at"))
              .as("n"),
        ])
        .orderBy("id")
        .limit(20)
        .execute(),
    union: () =>
      db
        .selectFrom("posts")
        .select("author_id as id")
        .union(db.selectFrom("orders").select("user_id as id"))
        .orderBy("id")
        .execute(),
    unionAll: () =>
      db
        .selectFrom("tags")
        .select("name")
        .unionAll(db.selectFrom("users").select("name").where("role", "=", "admin"))
        .orderBy("name")
        .execute(),
    intersect: () =>
      db
        .selectFrom("posts")
        .select("author_id as id")
        .intersect(db.selectFrom("orders").select("user_id as id"))
        .orderBy("id")
        .execute(),
    except: () =>
      db
        .selectFrom("users")
        .select("id")
        .except(db.selectFrom("orders").select("user_id as id"))
        .orderBy("id")
        .execute(),
    raw: async () =>
      (await sql<{ id: number }>`select id, name from users where id < ${6} order by id`.execute(db)).rows,
    rawTable: async () =>
      (await sql`select ${sql.ref("u.name")} from ${sql.table("users")} as u where u.id = ${3}`.execute(db)).rows,
    noTable: () => db.selectNoFrom((eb) => eb.val(1).as("one")).execute(),
    existsOnly: () =>
      db
        .selectNoFrom((eb) =>
          eb.exists(eb.selectFrom("users").select("id").where("email", "=", "nobody@example.com")).as("found"),
        )
        .execute(),
    stream: async () => {
      const ids: unknown[] = [];
      for await (const row of db
        .selectFrom("comments")
        .select(["id", "likes"])
        .where("likes", ">", 20)
        .orderBy("id")
        .stream(50))
        ids.push(row);
      return ids;
    },
  };
}

function joins(db: Db): Actions {
  return {
    inner: () =>
      db
        .selectFrom("posts")
        .innerJoin("users", "users.id", "posts.author_id")
        .select(["posts.id", "title", "users.name as author"])
        .where("published", "=", true)
        .orderBy("posts.id")
        .limit(20)
        .execute(),
    left: () =>
      db
        .selectFrom("users")
        .leftJoin("profiles", "profiles.user_id", "users.id")
        .selectAll()
        .orderBy("users.id")
        .execute(),
    right: () =>
      db
        .selectFrom("profiles")
        .rightJoin("users", "profiles.user_id", "users.id")
        .select(["users.id", "bio"])
        .orderBy("users.id")
        .execute(),
    full: () =>
      db
        .selectFrom("users as u")
        .fullJoin("orders as o", "o.user_id", "u.id")
        .select(["u.id as user", "o.id as order"])
        .orderBy("u.id")
        .orderBy("o.id")
        .execute(),
    cross: () =>
      db
        .selectFrom("tags")
        .crossJoin("profiles")
        .select(["tags.id", "user_id"])
        .where("user_id", "<", 4)
        .orderBy("tags.id")
        .orderBy("user_id")
        .execute(),
    on: () =>
      db
        .selectFrom("users as u")
        .leftJoin("posts as p", (join) => join.onRef("p.author_id", "=", "u.id").on("p.published", "=", true))
        .select(["u.id", "p.id as post"])
        .orderBy("u.id")
        .orderBy("p.id")
        .execute(),
    manyToMany: () =>
      db
        .selectFrom("tags as t")
        .innerJoin("post_tags as pt", "pt.tag_id", "t.id")
        .selectAll("t")
        .where("pt.post_id", "=", 5)
        .orderBy("t.name")
        .execute(),
    three: () =>
      db
        .selectFrom("comments as c")
        .innerJoin("posts as p", "p.id", "c.post_id")
        .leftJoin("users as u", "u.id", "c.user_id")
        .select(["c.id", "p.title", "u.name"])
        .where("p.title", "ilike", "%sql%")
        .orderBy("c.likes", "desc")
        .orderBy("c.id")
        .limit(15)
        .execute(),
    self: () =>
      db
        .selectFrom("users as u")
        .leftJoin("users as m", "m.id", "u.manager_id")
        .select(["u.id", "m.name as manager"])
        .orderBy("u.id")
        .execute(),
    aggregate: () =>
      db
        .selectFrom("posts as p")
        .leftJoin("comments as c", "c.post_id", "p.id")
        .select(["p.id", "p.title"])
        .select(({ fn }) => [fn.count("c.id").as("comments"), fn.sum("c.likes").as("likes")])
        .groupBy("p.id")
        .orderBy("comments", "desc")
        .orderBy("p.id")
        .limit(10)
        .execute(),
    subquery: () =>
      db
        .selectFrom("users as u")
        .innerJoin(
          (eb) =>
            eb
              .selectFrom("orders")
              .select(["user_id", (e) => e.fn.sum("total").as("spent")])
              .groupBy("user_id")
              .as("o"),
          (join) => join.onRef("o.user_id", "=", "u.id"),
        )
        .select(["u.name", "o.spent"])
        .orderBy("o.spent", "desc")
        .orderBy("u.id")
        .limit(5)
        .execute(),
    lateral: () =>
      db
        .selectFrom("users as u")
        .innerJoinLateral(
          (eb) =>
            eb
              .selectFrom("posts")
              .select(["id", "title"])
              .whereRef("author_id", "=", "u.id")
              .orderBy("created_at", "desc")
              .limit(1)
              .as("latest"),
          (join) => join.onTrue(),
        )
        .select(["u.id", "latest.title"])
        .orderBy("u.id")
        .execute(),
    amounts: () =>
      db
        .selectFrom("order_items as i")
        .innerJoin("orders as o", "o.id", "i.order_id")
        .select("o.id")
        .select((eb) => eb.fn.sum(eb("i.quantity", "*", eb.ref("i.price").$castTo<number>())).as("amount"))
        .groupBy("o.id")
        .orderBy("o.id")
        .limit(12)
        .execute(),
  };
}

function subqueries(db: Db): Actions {
  const postsOf = (eb: ExpressionBuilder<Schema, "users">) =>
    jsonArrayFrom(
      eb
        .selectFrom("posts")
        .select(["posts.id", "posts.title"])
        .whereRef("posts.author_id", "=", "users.id")
        .orderBy("posts.id"),
    );
  return {
    exists: () =>
      db
        .selectFrom("users")
        .select("id")
        .where(({ exists, selectFrom }) =>
          exists(selectFrom("posts").select("posts.id").whereRef("posts.author_id", "=", "users.id")),
        )
        .orderBy("id")
        .execute(),
    notExists: () =>
      db
        .selectFrom("users")
        .select("id")
        .where(({ not, exists, selectFrom }) =>
          not(exists(selectFrom("orders").select(sql.lit(1).as("one")).whereRef("orders.user_id", "=", "users.id"))),
        )
        .orderBy("id")
        .execute(),
    inSubquery: () =>
      db
        .selectFrom("users")
        .select("id")
        .where("id", "in", (eb) => eb.selectFrom("orders").select("user_id").where("total", ">", "900"))
        .orderBy("id")
        .execute(),
    scalar: () =>
      db
        .selectFrom("posts")
        .select([
          "id",
          (eb) =>
            eb
              .selectFrom("comments")
              .select((e) => e.fn.countAll().as("n"))
              .whereRef("comments.post_id", "=", "posts.id")
              .as("comments"),
        ])
        .orderBy("id")
        .limit(15)
        .execute(),
    compared: () =>
      db
        .selectFrom("users")
        .select("id")
        .where("age", ">", (eb) => eb.selectFrom("users as o").select((e) => e.fn.avg<number>("o.age").as("avg")))
        .orderBy("id")
        .execute(),
    from: () =>
      db
        .selectFrom((eb) => eb.selectFrom("posts").select(["id", "views"]).where("published", "=", true).as("p"))
        .selectAll()
        .orderBy("views", "desc")
        .orderBy("id")
        .limit(3)
        .execute(),
    cte: () =>
      db
        .with("big", (qb) => qb.selectFrom("orders").selectAll().where("total", ">", "500"))
        .selectFrom("big")
        .select(["user_id", (eb) => eb.fn.countAll().as("n")])
        .groupBy("user_id")
        .orderBy("user_id")
        .execute(),
    recursive: () =>
      db
        .withRecursive("team(id, depth)", (qb) =>
          qb
            .selectFrom("users")
            .select(["id", sql<number>`0`.as("depth")])
            .where("id", "=", 2)
            .unionAll(
              qb
                .selectFrom("users as u")
                .innerJoin("team as t", "t.id", "u.manager_id")
                .select(["u.id", sql<number>`t.depth + 1`.as("depth")]),
            ),
        )
        .selectFrom("team")
        .selectAll()
        .orderBy("depth")
        .orderBy("id")
        .execute(),
    jsonArray: () =>
      db
        .selectFrom("users")
        .select((eb) => ["id", postsOf(eb).as("posts")])
        .orderBy("id")
        .limit(10)
        .execute(),
    jsonObject: () =>
      db
        .selectFrom("posts")
        .select((eb) => [
          "id",
          jsonObjectFrom(
            eb
              .selectFrom("users")
              .select(["users.id", "users.name", "users.created_at"])
              .whereRef("users.id", "=", "posts.author_id"),
          ).as("author"),
        ])
        .orderBy("id")
        .limit(10)
        .execute(),
    jsonNested: () =>
      db
        .selectFrom("orders")
        .select((eb) => [
          "orders.id",
          jsonArrayFrom(
            eb
              .selectFrom("order_items as i")
              .select(["i.line", "i.product", "i.price"])
              .whereRef("i.order_id", "=", "orders.id")
              .orderBy("i.line"),
          ).as("items"),
          jsonObjectFrom(
            eb
              .selectFrom("users")
              .select((e) => ["users.name", postsOf(e).as("posts")])
              .whereRef("users.id", "=", "orders.user_id"),
          ).as("user"),
        ])
        .where("orders.status", "=", "paid")
        .orderBy("orders.id")
        .limit(5)
        .execute(),
    jsonTags: () =>
      db
        .selectFrom("posts")
        .select((eb) => [
          "id",
          jsonArrayFrom(
            eb
              .selectFrom("tags")
              .innerJoin("post_tags", "post_tags.tag_id", "tags.id")
              .select(["tags.name"])
              .whereRef("post_tags.post_id", "=", "posts.id")
              .orderBy("tags.name"),
          ).as("tags"),
        ])
        .where("id", "=", 5)
        .executeTakeFirst(),
    jsonAgg: () =>
      db
        .selectFrom("users as u")
        .innerJoin("posts as p", "p.author_id", "u.id")
        .select((eb) => ["u.id", eb.fn.jsonAgg(eb.ref("p.title")).orderBy("p.id").as("titles")])
        .groupBy("u.id")
        .orderBy("u.id")
        .limit(6)
        .execute(),
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
