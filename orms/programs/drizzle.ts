import {
  aliasedTable,
  and,
  arrayContained,
  arrayContains,
  arrayOverlaps,
  asc,
  avg,
  between,
  count,
  countDistinct,
  desc,
  eq,
  exists,
  getTableColumns,
  gt,
  gte,
  ilike,
  inArray,
  isNotNull,
  isNull,
  like,
  lt,
  lte,
  max,
  min,
  ne,
  not,
  notBetween,
  notExists,
  notIlike,
  notInArray,
  notLike,
  or,
  sql,
  sum,
} from "drizzle-orm";
import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import { alias, except, intersect, union, unionAll } from "drizzle-orm/pg-core";
import pg from "pg";
import type { Actions, Program } from "../program.ts";
import * as models from "./models/drizzle.ts";

const { comments, orderItems, orders, postTags, posts, profiles, tags, users } = models;
type Db = NodePgDatabase<typeof models>;

/** Not the clock: two runs are compared. */
const WRITTEN = new Date("2024-09-01T00:00:00Z");

export const program: Program = {
  name: "drizzle",
  async open({ url, attach }) {
    const pool = attach(new pg.Pool({ connectionString: url, max: 4 }));
    const db = drizzle(pool, { schema: models });
    return {
      reads: { ...filters(db), ...selects(db), ...joins(db), ...relational(db) },
      unordered: ["allTags"],
      writes: writes(db),
      findFirst: () => db.query.users.findFirst({ where: eq(users.id, 42) }),
      close: () => pool.end(),
    };
  },
};

function filters(db: Db): Actions {
  const ids = { id: users.id };
  const where = (condition: Parameters<ReturnType<typeof base>["where"]>[0]) => () =>
    base().where(condition).orderBy(users.id);
  const base = () => db.select(ids).from(users);
  return {
    eq: where(eq(users.id, 5)),
    eqText: where(eq(users.email, "ada8@mail.test")),
    eqEnum: where(eq(users.role, "admin")),
    eqBoolean: where(eq(users.active, false)),
    eqNumeric: where(eq(users.balance, "58.38")),
    ne: where(ne(users.role, "member")),
    gt: where(gt(users.age, 50)),
    gte: where(gte(users.balance, "500.10")),
    lt: where(lt(users.score, 5.5)),
    lte: where(lte(users.createdAt, new Date("2023-02-20T12:00:00Z"))),
    dateBefore: where(lt(users.birthday, "1980-01-01")),
    isNull: where(isNull(users.deletedAt)),
    isNotNull: where(isNotNull(users.age)),
    inArray: where(inArray(users.id, [1, 2, 3])),
    inArrayEnum: where(inArray(users.role, ["admin", "editor"])),
    notInArray: where(notInArray(users.id, [1, 2, 3])),
    between: where(between(users.age, 20, 30)),
    notBetween: where(notBetween(users.age, 20, 70)),
    like: where(like(users.name, "%Smith")),
    notLike: where(notLike(users.name, "%Smith%")),
    ilike: where(ilike(users.name, "ada%")),
    notIlike: where(notIlike(users.email, "%EXAMPLE%")),
    and: where(and(eq(users.active, true), gt(users.age, 30), isNull(users.deletedAt))),
    or: where(or(eq(users.role, "admin"), and(lt(users.age, 25), ne(users.id, 9)))),
    not: where(not(eq(users.active, true))),
    arrayContains: where(arrayContains(users.interests, ["sql"])),
    arrayContained: where(arrayContained(users.interests, ["sql", "type script"])),
    arrayOverlaps: where(arrayOverlaps(users.interests, ["music", "sql"])),
    exists: where(exists(db.select({ one: sql`1` }).from(posts).where(eq(posts.authorId, users.id)))),
    notExists: where(notExists(db.select().from(orders).where(eq(orders.userId, users.id)))),
    inSubquery: where(inArray(users.id, db.select({ id: orders.userId }).from(orders).where(gt(orders.total, 900)))),
    rawCondition: where(sql`lower(${users.email}) = ${"ada8@mail.test"}`),
    jsonCondition: where(sql`${users.settings}->>'theme' = ${"dark"}`),
    jsonContains: where(sql`${users.settings} @> ${JSON.stringify({ notify: true })}::jsonb`),
    dynamic: where(and(...[eq(users.active, true), undefined, gte(users.id, 10)])),
  };
}

function selects(db: Db): Actions {
  const prepared = db
    .select()
    .from(posts)
    .where(eq(posts.id, sql.placeholder("id")))
    .prepare("post_by_id");
  return {
    all: () => db.select().from(users).orderBy(users.id),
    allTags: () => db.select().from(tags),
    columns: () => db.select({ id: users.id, mail: users.email }).from(users).orderBy(desc(users.id)),
    someColumns: () => {
      const { body: _, ...columns } = getTableColumns(posts);
      return db.select(columns).from(posts).orderBy(posts.id).limit(10);
    },
    byKey: () => db.select().from(orders).where(eq(orders.id, "99a233e6-7156-812c-9681-c22c78e91aaa")),
    byCompositeKey: () =>
      db
        .select()
        .from(postTags)
        .where(and(eq(postTags.postId, 5), eq(postTags.tagId, 3))),
    page: () => db.select().from(posts).orderBy(desc(posts.createdAt), asc(posts.id)).limit(10).offset(20),
    keyset: () =>
      db
        .select()
        .from(comments)
        .where(
          or(
            gt(comments.createdAt, new Date("2024-03-01T00:00:00Z")),
            and(eq(comments.createdAt, new Date("2024-03-01T00:00:00Z")), gt(comments.id, 5)),
          ),
        )
        .orderBy(comments.createdAt, comments.id)
        .limit(5),
    nullsLast: () =>
      db.select({ id: users.id, age: users.age }).from(users).orderBy(sql`${users.age} desc nulls last`, users.id),
    distinct: () => db.selectDistinct({ currency: orders.currency }).from(orders).orderBy(orders.currency),
    distinctOn: () =>
      db
        .selectDistinctOn([orders.userId], { user: orders.userId, placedAt: orders.placedAt })
        .from(orders)
        .orderBy(orders.userId, desc(orders.placedAt)),
    count: () => db.select({ n: count() }).from(users),
    countWhere: () =>
      db
        .select({ n: count(users.age) })
        .from(users)
        .where(eq(users.active, true)),
    dollarCount: () => db.$count(users),
    dollarCountWhere: () => db.$count(orders, eq(orders.status, "paid")),
    dollarCountInSelect: () =>
      db
        .select({ id: users.id, n: db.$count(posts, eq(posts.authorId, users.id)) })
        .from(users)
        .orderBy(users.id)
        .limit(10),
    aggregates: () =>
      db
        .select({
          n: count(),
          emails: countDistinct(users.role),
          avg: avg(users.age),
          sum: sum(users.balance),
          min: min(users.createdAt),
          max: max(users.score),
        })
        .from(users),
    groupBy: () =>
      db
        .select({ status: orders.status, n: count(), total: sum(orders.total) })
        .from(orders)
        .groupBy(orders.status)
        .orderBy(orders.status),
    having: () =>
      db
        .select({ user: orders.userId, n: count() })
        .from(orders)
        .groupBy(orders.userId)
        .having(({ n }) => gt(n, 3))
        .orderBy(orders.userId),
    groupByExpression: () => {
      const month = sql<string>`date_trunc('month', ${orders.placedAt})`;
      return db.select({ month, n: count() }).from(orders).groupBy(month).orderBy(month);
    },
    expression: () =>
      db
        .select({
          id: users.id,
          label: sql<string>`upper(${users.name})`,
          old: sql<boolean>`coalesce(${users.age}, 0) > ${40}`,
        })
        .from(users)
        .orderBy(users.id),
    cast: () => db.select({ n: sql<number>`cast(count(*) as int)` }).from(comments).where(gt(comments.likes, 10)),
    caseWhen: () =>
      db
        .select({ id: orders.id, size: sql<string>`case when ${orders.total} > ${500} then 'big' else 'small' end` })
        .from(orders)
        .orderBy(orders.id)
        .limit(20),
    union: () =>
      union(db.select({ id: posts.authorId }).from(posts), db.select({ id: orders.userId }).from(orders)).orderBy(
        asc(sql`1`),
      ),
    unionAll: () =>
      unionAll(
        db.select({ name: tags.name }).from(tags),
        db.select({ name: users.name }).from(users).where(eq(users.role, "admin")),
      ).orderBy(sql`1`),
    intersect: () =>
      intersect(db.select({ id: posts.authorId }).from(posts), db.select({ id: orders.userId }).from(orders)).orderBy(
        sql`1`,
      ),
    except: () =>
      except(db.select({ id: users.id }).from(users), db.select({ id: orders.userId }).from(orders)).orderBy(sql`1`),
    prepared: () => prepared.execute({ id: 12 }),
    raw: async () => (await db.execute(sql`select id, name from ${users} where ${users.id} < ${6} order by id`)).rows,
    rawNow: async () =>
      (await db.execute(sql`select count(*) as n from posts where published_at < now() - interval '1 year'`)).rows,
    iterated: async () => {
      const names = await db
        .select({ name: users.name, created: users.createdAt })
        .from(users)
        .where(lte(users.id, 10))
        .orderBy(users.id);
      return names.map(({ created }) => created.toISOString());
    },
  };
}

function joins(db: Db): Actions {
  const managers = aliasedTable(users, "managers");
  const team = alias(users, "team");
  return {
    innerJoin: () =>
      db
        .select()
        .from(posts)
        .innerJoin(users, eq(posts.authorId, users.id))
        .where(eq(posts.published, true))
        .orderBy(posts.id)
        .limit(20),
    leftJoin: () => db.select().from(users).leftJoin(profiles, eq(profiles.userId, users.id)).orderBy(users.id),
    joinColumns: () =>
      db
        .select({ title: posts.title, author: users.name })
        .from(posts)
        .innerJoin(users, eq(posts.authorId, users.id))
        .orderBy(posts.id),
    nested: () =>
      db
        .select({ post: posts, author: { id: users.id, name: users.name } })
        .from(posts)
        .leftJoin(users, eq(posts.authorId, users.id))
        .where(lt(posts.id, 20))
        .orderBy(posts.id),
    manyToMany: () =>
      db
        .select({ tag: tags.name })
        .from(postTags)
        .innerJoin(tags, eq(tags.id, postTags.tagId))
        .where(eq(postTags.postId, 5))
        .orderBy(tags.name),
    threeTables: () =>
      db
        .select({ id: comments.id, title: posts.title, author: users.name })
        .from(comments)
        .innerJoin(posts, eq(posts.id, comments.postId))
        .leftJoin(users, eq(users.id, comments.userId))
        .where(ilike(posts.title, "%sql%"))
        .orderBy(desc(comments.likes), comments.id)
        .limit(15),
    selfJoin: () =>
      db
        .select({ id: users.id, manager: managers.name })
        .from(users)
        .leftJoin(managers, eq(managers.id, users.managerId))
        .orderBy(users.id),
    teamSize: () =>
      db
        .select({ id: users.id, size: count(team.id) })
        .from(users)
        .innerJoin(team, eq(team.managerId, users.id))
        .groupBy(users.id)
        .orderBy(users.id),
    rightJoin: () =>
      db
        .select({ id: users.id, bio: profiles.bio })
        .from(profiles)
        .rightJoin(users, eq(profiles.userId, users.id))
        .orderBy(users.id),
    fullJoin: () =>
      db
        .select({ user: users.id, order: orders.id })
        .from(users)
        .fullJoin(orders, eq(orders.userId, users.id))
        .orderBy(users.id, orders.id),
    crossJoin: () =>
      db
        .select({ a: tags.id, b: profiles.userId })
        .from(tags)
        .crossJoin(profiles)
        .where(lt(profiles.userId, 4))
        .orderBy(tags.id, profiles.userId),
    joinAggregate: () =>
      db
        .select({
          id: posts.id,
          title: posts.title,
          comments: count(comments.id),
          likes: sum(comments.likes).mapWith(Number),
        })
        .from(posts)
        .leftJoin(comments, eq(comments.postId, posts.id))
        .groupBy(posts.id)
        .having(gt(count(comments.id), 3))
        .orderBy(desc(count(comments.id)), posts.id),
    subqueryJoin: () => {
      const totals = db
        .select({ user: orders.userId, spent: sql<string>`sum(${orders.total})`.as("spent") })
        .from(orders)
        .groupBy(orders.userId)
        .as("totals");
      return db
        .select({ name: users.name, spent: totals.spent })
        .from(users)
        .innerJoin(totals, eq(totals.user, users.id))
        .orderBy(desc(totals.spent), users.id)
        .limit(5);
    },
    lateralJoin: () => {
      const latest = db
        .select()
        .from(posts)
        .where(eq(posts.authorId, users.id))
        .orderBy(desc(posts.createdAt))
        .limit(2)
        .as("latest");
      return db
        .select({ user: users.id, post: latest.id })
        .from(users)
        .innerJoinLateral(latest, sql`true`)
        .orderBy(users.id, latest.id);
    },
    cte: () => {
      const big = db.$with("big").as(db.select().from(orders).where(gt(orders.total, 500)));
      return db.with(big).select({ user: big.userId, n: count() }).from(big).groupBy(big.userId).orderBy(big.userId);
    },
    fromSubquery: () => {
      const sub = db.select({ id: posts.id, views: posts.views }).from(posts).where(sql`${posts.published}`).as("sub");
      return db.select().from(sub).orderBy(desc(sub.views), sub.id).limit(3);
    },
    orderItems: () =>
      db
        .select({ id: orders.id, amount: sql<string>`sum(${orderItems.quantity} * ${orderItems.price})` })
        .from(orders)
        .innerJoin(orderItems, eq(orderItems.orderId, orders.id))
        .groupBy(orders.id)
        .orderBy(orders.id)
        .limit(12),
  };
}

function relational(db: Db): Actions {
  const { query } = db;
  return {
    rqbAll: () => query.users.findMany({ orderBy: users.id }),
    rqbMany: () =>
      query.users.findMany({ where: eq(users.active, true), orderBy: [desc(users.createdAt)], limit: 5, offset: 5 }),
    rqbFirst: () => query.posts.findFirst({ where: eq(posts.slug, "post-17") }),
    rqbColumns: () => query.users.findMany({ columns: { id: true, name: true }, orderBy: users.id }),
    rqbWithout: () => query.posts.findMany({ columns: { body: false }, orderBy: posts.id, limit: 5 }),
    rqbOne: () => query.posts.findFirst({ where: eq(posts.id, 30), with: { author: true } }),
    rqbProfile: () =>
      query.users.findMany({ with: { profile: { columns: { bio: true, website: true } } }, orderBy: users.id }),
    rqbManyPosts: () => query.users.findMany({ with: { posts: { orderBy: posts.id } }, orderBy: users.id, limit: 10 }),
    rqbNested: () =>
      query.posts.findMany({
        with: {
          author: { columns: { name: true } },
          comments: { with: { user: { columns: { name: true } } }, orderBy: comments.id, limit: 3 },
        },
        where: lt(posts.id, 15),
        orderBy: posts.id,
      }),
    rqbManyToMany: () =>
      query.posts.findMany({
        with: { postTags: { with: { tag: true }, orderBy: postTags.tagId } },
        orderBy: desc(posts.id),
        limit: 10,
      }),
    rqbFiltered: () =>
      query.users.findFirst({
        where: eq(users.id, 12),
        with: { orders: { where: eq(orders.status, "paid"), orderBy: orders.placedAt } },
      }),
    rqbDeep: () =>
      query.orders.findMany({
        with: { items: { orderBy: orderItems.line }, user: { with: { profile: { columns: { bio: true } } } } },
        orderBy: orders.id,
        limit: 6,
      }),
    rqbTree: () =>
      query.users.findFirst({
        where: eq(users.id, 2),
        with: { manager: true, team: { columns: { id: true, name: true }, orderBy: users.id } },
      }),
    rqbExtras: () =>
      query.users.findMany({
        columns: { id: true },
        extras: { lower: sql<string>`lower(${users.name})`.as("lower") },
        orderBy: users.id,
        limit: 5,
      }),
    rqbTags: () =>
      query.tags.findFirst({
        where: eq(tags.name, "sql"),
        with: { postTags: { with: { post: { columns: { title: true } } }, orderBy: postTags.postId } },
      }),
  };
}

function writes(db: Db): Actions {
  return {
    insert: () => db.insert(tags).values({ name: "new", color: "#ffffff" }).returning(),
    insertMany: () =>
      db
        .insert(comments)
        .values([
          { postId: 1, userId: 2, body: "one", createdAt: WRITTEN },
          { postId: 2, body: "two", createdAt: WRITTEN },
        ])
        .returning({ id: comments.id }),
    upsert: () =>
      db
        .insert(tags)
        .values({ name: "sql" })
        .onConflictDoUpdate({ target: tags.name, set: { color: "#000000" } })
        .returning(),
    ignore: () => db.insert(postTags).values({ postId: 1, tagId: 1 }).onConflictDoNothing(),
    update: () =>
      db
        .update(users)
        .set({ balance: sql`${users.balance} + 1.5`, active: false })
        .where(eq(users.id, 7))
        .returning({ balance: users.balance }),
    updateOrder: () =>
      db
        .update(orders)
        .set({ status: "shipped", shippedOn: new Date("2024-07-01T00:00:00Z") })
        .where(eq(orders.status, "paid")),
    delete: () => db.delete(comments).where(eq(comments.postId, 9)).returning({ id: comments.id }),
    transaction: () =>
      db.transaction(async (tx) => {
        const locked = await tx.select().from(users).where(eq(users.id, 8)).for("update");
        await tx.update(users).set({ balance: "1.50" }).where(eq(users.id, 8));
        const inner = await tx.transaction(async (nested) => {
          await nested.insert(tags).values({ name: "nested" });
          return nested.select({ name: tags.name }).from(tags).orderBy(tags.id);
        });
        return [locked, inner, await tx.query.users.findFirst({ where: eq(users.id, 8) })];
      }),
    rolledBack: () =>
      db
        .transaction(
          async (tx) => {
            await tx.update(posts).set({ views: 0n });
            tx.rollback();
          },
          { isolationLevel: "serializable" },
        )
        .catch((error: Error) => error.message),
  };
}
