import {
  and,
  arrayContains,
  between,
  count,
  desc,
  eq,
  exists,
  gt,
  inArray,
  isNull,
  like,
  lt,
  or,
  sql,
  sum,
} from "drizzle-orm-v1";
import { drizzle, type NodePgDatabase } from "drizzle-orm-v1/node-postgres";
import { union } from "drizzle-orm-v1/pg-core";
import pg from "pg";
import type { Actions, Program } from "../program.ts";
import * as models from "./models/drizzle-v1.ts";

const { comments, orders, postTags, posts, profiles, relations, tags, users } = models;
type Db = NodePgDatabase<typeof relations>;

export const program: Program = {
  name: "drizzle-v1",
  async open({ url, attach }) {
    const pool = attach(new pg.Pool({ connectionString: url, max: 4 }));
    const db = drizzle({ client: pool, relations });
    return {
      reads: { ...filters(db), ...loads(db), ...selects(db) },
      writes: writes(db),
      findFirst: () => db.query.users.findFirst({ where: { id: 42 } }),
      close: () => pool.end(),
    };
  },
};

/** Every operator that a relational filter has. */
function filters(db: Db): Actions {
  type Where = NonNullable<NonNullable<Parameters<Db["query"]["users"]["findMany"]>[0]>["where"]>;
  const where = (filter: Where) => () =>
    db.query.users.findMany({ columns: { id: true, name: true }, where: filter, orderBy: { id: "asc" } });
  return {
    equal: where({ id: 5 }),
    eqText: where({ email: "ada8@mail.test" }),
    eqEnum: where({ role: "admin" }),
    eqBoolean: where({ active: false }),
    eqNumeric: where({ balance: { eq: "58.38" } }),
    ne: where({ role: { ne: "member" } }),
    gt: where({ age: { gt: 50 } }),
    gte: where({ balance: { gte: "500.10" } }),
    lt: where({ score: { lt: 5.5 } }),
    lte: where({ createdAt: { lte: new Date("2023-02-20T12:00:00Z") } }),
    dateBefore: where({ birthday: { lt: "1980-01-01" } }),
    in: where({ id: { in: [1, 2, 3] } }),
    inEnum: where({ role: { in: ["admin", "editor"] } }),
    notIn: where({ id: { notIn: [1, 2, 3] } }),
    like: where({ name: { like: "%Smith" } }),
    notLike: where({ name: { notLike: "%Smith%" } }),
    ilike: where({ name: { ilike: "ada%" } }),
    notIlike: where({ email: { notIlike: "%EXAMPLE%" } }),
    isNull: where({ deletedAt: { isNull: true } }),
    isNotNull: where({ age: { isNotNull: true } }),
    arrayContains: where({ interests: { arrayContains: ["sql"] } }),
    arrayContained: where({ interests: { arrayContained: ["sql", "type script"] } }),
    arrayOverlaps: where({ interests: { arrayOverlaps: ["music", "sql"] } }),
    and: where({ active: true, age: { gt: 30 }, deletedAt: { isNull: true } }),
    range: where({ age: { gte: 20, lt: 40 } }),
    or: where({ OR: [{ role: "admin" }, { age: { lt: 25 }, NOT: { id: 9 } }] }),
    not: where({ NOT: { active: true } }),
    raw: where({ RAW: (table) => sql`lower(${table.email}) = ${"ada8@mail.test"}` }),
    relationExists: where({ posts: true }),
    relationFilter: where({ posts: { published: true, title: { ilike: "%sql%" } } }),
    relationOneFilter: where({ manager: { role: "admin" } }),
    relationNone: where({ NOT: { orders: true } }),
    relationDeep: where({ posts: { tags: { name: "café" } } }),
  };
}

function loads(db: Db): Actions {
  const { query } = db;
  return {
    all: () => query.users.findMany({ orderBy: { id: "asc" } }),
    allOrders: () => query.orders.findMany({ orderBy: { id: "asc" } }),
    page: () => query.users.findMany({ where: { active: true }, orderBy: { createdAt: "desc" }, limit: 5, offset: 5 }),
    first: () => query.posts.findFirst({ where: { slug: "post-17" } }),
    without: () => query.posts.findMany({ columns: { body: false }, orderBy: { id: "asc" }, limit: 5 }),
    one: () => query.posts.findFirst({ where: { id: 30 }, with: { author: true } }),
    profile: () =>
      query.users.findMany({ with: { profile: { columns: { bio: true, website: true } } }, orderBy: { id: "asc" } }),
    many: () =>
      query.users.findMany({ with: { posts: { orderBy: { id: "asc" } } }, orderBy: { id: "asc" }, limit: 10 }),
    manyLimited: () =>
      query.users.findMany({
        with: { posts: { orderBy: { views: "desc", id: "asc" }, limit: 2 } },
        orderBy: { id: "asc" },
        limit: 10,
      }),
    nested: () =>
      query.posts.findMany({
        with: {
          author: { columns: { name: true } },
          comments: { with: { user: { columns: { name: true } } }, orderBy: { id: "asc" }, limit: 3 },
        },
        where: { id: { lt: 15 } },
        orderBy: { id: "asc" },
      }),
    manyToMany: () =>
      query.posts.findMany({ with: { tags: { orderBy: { name: "asc" } } }, orderBy: { id: "desc" }, limit: 10 }),
    manyToManyBack: () =>
      query.tags.findFirst({
        where: { name: "sql" },
        with: { posts: { columns: { id: true, title: true }, orderBy: { id: "asc" } } },
      }),
    filtered: () =>
      query.users.findFirst({
        where: { id: 12 },
        with: { orders: { where: { status: "paid" }, orderBy: { placedAt: "asc" } } },
      }),
    deep: () =>
      query.orders.findMany({
        with: { items: { orderBy: { line: "asc" } }, user: { with: { profile: { columns: { bio: true } } } } },
        orderBy: { id: "asc" },
        limit: 6,
      }),
    tree: () =>
      query.users.findFirst({
        where: { id: 2 },
        with: { manager: true, team: { columns: { id: true, name: true }, orderBy: { id: "asc" } } },
      }),
    extras: () =>
      query.users.findMany({
        columns: { id: true },
        extras: { lower: (table) => sql<string>`lower(${table.name})` },
        orderBy: { id: "asc" },
        limit: 5,
      }),
    countExtra: () =>
      query.users.findMany({
        columns: { id: true },
        extras: { posts: (table) => db.$count(posts, eq(posts.authorId, table.id)) },
        orderBy: { id: "asc" },
        limit: 8,
      }),
    byCallback: () =>
      query.posts.findMany({ orderBy: (table, { desc: down }) => [down(table.views), table.id], limit: 4 }),
  };
}

function selects(db: Db): Actions {
  return {
    select: () => db.select().from(users).where(eq(users.id, 5)),
    columns: () =>
      db
        .select({ id: users.id, mail: users.email })
        .from(users)
        .where(and(gt(users.age, 30), isNull(users.deletedAt)))
        .orderBy(desc(users.id)),
    either: () =>
      db
        .select()
        .from(posts)
        .where(or(like(posts.title, "Hello%"), between(posts.id, 5, 9)))
        .orderBy(posts.id)
        .limit(10)
        .offset(2),
    withArray: () =>
      db
        .select({ id: users.id })
        .from(users)
        .where(arrayContains(users.interests, ["sql"]))
        .orderBy(users.id),
    existing: () =>
      db
        .select({ id: users.id })
        .from(users)
        .where(exists(db.select().from(orders).where(eq(orders.userId, users.id))))
        .orderBy(users.id),
    inSubquery: () =>
      db
        .select({ id: users.id })
        .from(users)
        .where(inArray(users.id, db.select({ id: orders.userId }).from(orders).where(gt(orders.total, 900))))
        .orderBy(users.id),
    join: () =>
      db
        .select()
        .from(posts)
        .innerJoin(users, eq(posts.authorId, users.id))
        .where(eq(posts.published, true))
        .orderBy(posts.id)
        .limit(20),
    leftJoin: () =>
      db
        .select({ id: users.id, bio: profiles.bio })
        .from(users)
        .leftJoin(profiles, eq(profiles.userId, users.id))
        .orderBy(users.id),
    tagged: () =>
      db
        .select({ tag: tags.name })
        .from(postTags)
        .innerJoin(tags, eq(tags.id, postTags.tagId))
        .where(eq(postTags.postId, 5))
        .orderBy(tags.name),
    grouped: () =>
      db
        .select({ status: orders.status, n: count(), total: sum(orders.total) })
        .from(orders)
        .groupBy(orders.status)
        .having(gt(count(), 10))
        .orderBy(orders.status),
    counted: () => db.$count(comments, lt(comments.likes, 10)),
    joinAggregate: () =>
      db
        .select({ id: posts.id, n: count(comments.id) })
        .from(posts)
        .leftJoin(comments, eq(comments.postId, posts.id))
        .groupBy(posts.id)
        .orderBy(desc(count(comments.id)), posts.id)
        .limit(10),
    distinctOn: () =>
      db
        .selectDistinctOn([orders.userId], { user: orders.userId, at: orders.placedAt })
        .from(orders)
        .orderBy(orders.userId, desc(orders.placedAt)),
    cte: () => {
      const big = db.$with("big").as(db.select().from(orders).where(gt(orders.total, 500)));
      return db.with(big).select({ user: big.userId, n: count() }).from(big).groupBy(big.userId).orderBy(big.userId);
    },
    union: () =>
      union(db.select({ id: posts.authorId }).from(posts), db.select({ id: orders.userId }).from(orders)).orderBy(
        sql`1`,
      ),
    execute: async () =>
      await db.execute(sql`select id, created_at from ${users} where ${users.id} < ${6} order by id`),
  };
}

function writes(db: Db): Actions {
  return {
    insert: () => db.insert(tags).values({ name: "new", color: "#ffffff" }).returning(),
    upsert: () =>
      db
        .insert(tags)
        .values({ name: "sql" })
        .onConflictDoUpdate({ target: tags.name, set: { color: "#000000" } })
        .returning(),
    update: () =>
      db
        .update(users)
        .set({ balance: sql`${users.balance} + 1.5`, active: false })
        .where(eq(users.id, 7))
        .returning({ balance: users.balance }),
    delete: () => db.delete(comments).where(eq(comments.postId, 9)).returning({ id: comments.id }),
    transaction: () =>
      db.transaction(async (tx) => {
        const locked = await tx.select().from(users).where(eq(users.id, 8)).for("update");
        await tx.update(users).set({ balance: "1.50" }).where(eq(users.id, 8));
        return [
          locked,
          await tx.query.users.findFirst({ where: { id: 8 }, with: { posts: { orderBy: { id: "asc" } } } }),
        ];
      }),
    rolledBack: () =>
      db
        .transaction(async (tx) => {
          await tx.update(posts).set({ views: 0n });
          tx.rollback();
        })
        .catch((error: Error) => error.message),
  };
}
