import { type ExpressionBuilder, type Kysely, sql } from "kysely";
import { jsonArrayFrom, jsonBuildObject, jsonObjectFrom } from "kysely/helpers/postgres";
import type { Actions } from "../../program.ts";
import type { Schema } from "../models/kysely.ts";

type Db = Kysely<Schema>;

export function selects(db: Db): Actions {
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

export function joins(db: Db): Actions {
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

export function subqueries(db: Db): Actions {
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
