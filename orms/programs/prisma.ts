import { PrismaPg } from "@prisma/adapter-pg";
import { Prisma, PrismaClient } from "@prisma/client";
import pg from "pg";
import type { Actions, Program } from "../program.ts";

const ORDER = "99a233e6-7156-812c-9681-c22c78e91aaa";

/** Not the clock: two runs are compared. */
const WRITTEN = new Date("2024-09-01T00:00:00Z");

export const program: Program = {
  name: "prisma",
  async open({ url, attach }) {
    const pool = attach(new pg.Pool({ connectionString: url, max: 4 }));
    const db = new PrismaClient({ adapter: new PrismaPg(pool) });
    await db.$connect();
    return {
      reads: { ...filters(db), ...finds(db), ...aggregates(db), ...includes(db), ...raws(db) },
      unordered: ["allTags"],
      writes: writes(db),
      findFirst: () => db.user.findFirst({ where: { id: 42 } }),
      close: async () => {
        await db.$disconnect();
        await pool.end();
      },
    };
  },
};

/** A builder sends its statement when it is awaited. */
function actions(calls: Readonly<Record<string, () => PromiseLike<unknown>>>): Actions {
  return Object.fromEntries(Object.entries(calls).map(([name, call]) => [name, async () => await call()]));
}

function filters(db: PrismaClient): Actions {
  const users = (where: Prisma.UserWhereInput) => () =>
    db.user.findMany({ select: { id: true, name: true }, where, orderBy: { id: "asc" } });
  return actions({
    eq: users({ id: 5 }),
    eqText: users({ email: "ada8@mail.test" }),
    equals: users({ role: { equals: "admin" } }),
    insensitive: users({ email: { equals: "ADA8@mail.test", mode: "insensitive" } }),
    eqBoolean: users({ active: false }),
    eqNumeric: users({ balance: "58.38" }),
    not: users({ role: { not: "member" } }),
    isNull: users({ deletedAt: null }),
    notNull: users({ age: { not: null } }),
    gt: users({ age: { gt: 50 } }),
    gte: users({ balance: { gte: "500.10" } }),
    lt: users({ score: { lt: 5.5 } }),
    lte: users({ createdAt: { lte: new Date("2023-02-20T12:00:00Z") } }),
    dateBefore: users({ birthday: { lt: new Date("1980-01-01") } }),
    in: users({ id: { in: [1, 2, 3] } }),
    inEnum: users({ role: { in: ["admin", "editor"] } }),
    inEmpty: users({ id: { in: [] } }),
    notIn: users({ id: { notIn: [1, 2, 3] } }),
    contains: users({ name: { contains: "Brien" } }),
    containsInsensitive: users({ name: { contains: "SMITH", mode: "insensitive" } }),
    startsWith: users({ name: { startsWith: "Ada" } }),
    endsWith: users({ name: { endsWith: "Smith" } }),
    notContains: users({ name: { not: { contains: "Smith" } } }),
    has: users({ interests: { has: "sql" } }),
    hasEvery: users({ interests: { hasEvery: ["sql", "type script"] } }),
    hasSome: users({ interests: { hasSome: ["music", "sql"] } }),
    isEmpty: users({ interests: { isEmpty: true } }),
    json: users({ settings: { path: ["theme"], equals: "dark" } }),
    jsonNumber: users({ settings: { path: ["level"], gt: 2 } }),
    jsonContains: users({ settings: { path: ["theme"], string_contains: "ar" } }),
    and: users({ active: true, age: { gt: 30 }, deletedAt: null }),
    andList: users({ AND: [{ age: { gte: 20 } }, { age: { lt: 40 } }] }),
    or: users({ OR: [{ role: "admin" }, { age: { lt: 25 }, NOT: { id: 9 } }] }),
    notBlock: users({ NOT: { active: true, role: "admin" } }),
    column: () =>
      db.post.findMany({ select: { id: true }, where: { title: { lt: db.post.fields.slug } }, orderBy: { id: "asc" } }),
    some: users({ posts: { some: { published: true } } }),
    none: users({ posts: { none: {} } }),
    every: users({ posts: { every: { published: true } } }),
    is: users({ manager: { is: { role: "admin" } } }),
    isNot: users({ profile: { isNot: null } }),
    relationNull: users({ profile: null }),
    deep: users({ posts: { some: { tags: { some: { tag: { name: "café" } } } } } }),
  });
}

function finds(db: PrismaClient): Actions {
  return actions({
    all: () => db.user.findMany({ orderBy: { id: "asc" } }),
    allTags: () => db.tag.findMany(),
    unique: () => db.user.findUnique({ where: { id: 7 } }),
    uniqueEmail: () => db.user.findUnique({ where: { email: "ada8@mail.test" } }),
    uniqueOrThrow: () => db.order.findUniqueOrThrow({ where: { id: ORDER } }),
    uniqueMissing: () => db.post.findUnique({ where: { slug: "missing" } }),
    compositeKey: () => db.orderItem.findUnique({ where: { orderId_line: { orderId: ORDER, line: 1 } } }),
    batched: () => Promise.all([1, 2, 3].map((id) => db.tag.findUnique({ where: { id } }))),
    first: () => db.post.findFirst({ where: { published: true }, orderBy: { publishedAt: "desc" } }),
    omit: () => db.post.findMany({ omit: { body: true }, orderBy: { id: "asc" }, take: 5 }),
    page: () => db.post.findMany({ orderBy: [{ createdAt: "desc" }, { id: "asc" }], take: 10, skip: 20 }),
    last: () => db.post.findMany({ orderBy: { id: "asc" }, take: -5 }),
    cursor: () => db.post.findMany({ cursor: { id: 20 }, skip: 1, take: 5, orderBy: { id: "asc" } }),
    nullsLast: () =>
      db.user.findMany({
        select: { id: true, age: true },
        orderBy: [{ age: { sort: "desc", nulls: "last" } }, { id: "asc" }],
      }),
    orderByRelation: () => db.post.findMany({ orderBy: [{ author: { name: "asc" } }, { id: "asc" }], take: 5 }),
    orderByCount: () => db.user.findMany({ orderBy: [{ posts: { _count: "desc" } }, { id: "asc" }], take: 5 }),
    distinct: () =>
      db.order.findMany({
        distinct: ["currency"],
        select: { currency: true },
        orderBy: [{ currency: "asc" }, { id: "asc" }],
      }),
    orders: () => db.order.findMany({ orderBy: { id: "asc" } }),
    profiles: () => db.profile.findMany({ orderBy: { userId: "asc" } }),
  });
}

function aggregates(db: PrismaClient): Actions {
  return actions({
    count: () => db.user.count(),
    countWhere: () => db.order.count({ where: { status: "paid" } }),
    countSelect: () => db.user.count({ select: { _all: true, age: true } }),
    countLimited: () => db.post.count({ take: 50, skip: 10, orderBy: { id: "asc" } }),
    aggregate: () =>
      db.user.aggregate({
        _count: true,
        _avg: { age: true },
        _sum: { balance: true },
        _min: { createdAt: true },
        _max: { score: true },
      }),
    aggregateWhere: () =>
      db.order.aggregate({ where: { status: "paid" }, _sum: { total: true }, _avg: { total: true } }),
    groupBy: () =>
      db.order.groupBy({ by: ["status"], _count: { _all: true }, _sum: { total: true }, orderBy: { status: "asc" } }),
    groupByTwo: () =>
      db.order.groupBy({
        by: ["status", "currency"],
        where: { total: { gt: 100 } },
        _max: { total: true },
        orderBy: [{ status: "asc" }, { currency: "asc" }],
      }),
    having: () =>
      db.order.groupBy({
        by: ["userId"],
        _count: { id: true },
        having: { id: { _count: { gt: 3 } } },
        orderBy: { userId: "asc" },
      }),
    orderByAggregate: () =>
      db.comment.groupBy({
        by: ["postId"],
        _sum: { likes: true },
        orderBy: [{ _sum: { likes: "desc" } }, { postId: "asc" }],
        take: 5,
      }),
  });
}

function includes(db: PrismaClient): Actions {
  const everyStrategy = (relationLoadStrategy: "query" | "join"): Actions =>
    actions({
      [`${relationLoadStrategy}One`]: () =>
        db.post.findUnique({ where: { id: 30 }, include: { author: true }, relationLoadStrategy }),
      [`${relationLoadStrategy}Profile`]: () =>
        db.user.findMany({ include: { profile: true }, orderBy: { id: "asc" }, relationLoadStrategy }),
      [`${relationLoadStrategy}Many`]: () =>
        db.user.findMany({
          where: { id: { lt: 8 } },
          include: { posts: { orderBy: { id: "asc" } } },
          orderBy: { id: "asc" },
          relationLoadStrategy,
        }),
      [`${relationLoadStrategy}ManyLimited`]: () =>
        db.user.findMany({
          include: { posts: { orderBy: { id: "asc" }, take: 2, where: { published: true } } },
          orderBy: { id: "asc" },
          take: 10,
          relationLoadStrategy,
        }),
      [`${relationLoadStrategy}ManyToMany`]: () =>
        db.post.findMany({
          where: { id: { lt: 10 } },
          include: { tags: { include: { tag: true }, orderBy: { tagId: "asc" } } },
          orderBy: { id: "asc" },
          relationLoadStrategy,
        }),
      [`${relationLoadStrategy}Nested`]: () =>
        db.post.findMany({
          where: { id: { lt: 6 } },
          include: {
            author: { include: { profile: true } },
            comments: { include: { user: { select: { name: true } } }, orderBy: { id: "asc" } },
          },
          orderBy: { id: "asc" },
          relationLoadStrategy,
        }),
      [`${relationLoadStrategy}Select`]: () =>
        db.post.findMany({
          select: { title: true, author: { select: { name: true } } },
          orderBy: { id: "asc" },
          take: 10,
          relationLoadStrategy,
        }),
      [`${relationLoadStrategy}Orders`]: () =>
        db.order.findMany({
          where: { status: "paid" },
          include: { items: { orderBy: { line: "asc" } }, user: true },
          orderBy: { id: "asc" },
          take: 6,
          relationLoadStrategy,
        }),
      [`${relationLoadStrategy}Count`]: () =>
        db.user.findMany({
          select: { id: true, _count: { select: { posts: true, orders: { where: { status: "paid" } } } } },
          orderBy: { id: "asc" },
          take: 10,
          relationLoadStrategy,
        }),
      [`${relationLoadStrategy}Tree`]: () =>
        db.user.findUnique({
          where: { id: 2 },
          include: { manager: true, team: { select: { id: true, name: true }, orderBy: { id: "asc" } } },
          relationLoadStrategy,
        }),
    });
  return {
    ...everyStrategy("query"),
    ...everyStrategy("join"),
    ...actions({
      fluent: () => db.user.findUnique({ where: { id: 12 } }).posts({ orderBy: { id: "asc" } }),
      fluentOne: () => db.post.findUnique({ where: { id: 12 } }).author(),
    }),
  };
}

function raws(db: PrismaClient): Actions {
  return actions({
    raw: () => db.$queryRaw`SELECT id, name FROM users WHERE id < ${6} ORDER BY id`,
    rawIn: () => db.$queryRaw`SELECT id FROM users WHERE id IN (${Prisma.join([1, 2, 3])}) ORDER BY id`,
    rawTypes: () => db.$queryRaw`SELECT * FROM orders ORDER BY id LIMIT 5`,
    rawUnsafe: () => db.$queryRawUnsafe("SELECT count(*) FROM orders WHERE total > $1", 500),
    rawJoin: () =>
      db.$queryRaw(
        Prisma.sql`SELECT p.id, u.name FROM posts p JOIN users u ON u.id = p.author_id WHERE u.id = ${12} ORDER BY p.id`,
      ),
  });
}

function writes(db: PrismaClient): Actions {
  return actions({
    create: () => db.tag.create({ data: { name: "new", color: "#ffffff" } }),
    createNested: () =>
      db.post.create({
        data: {
          title: "Nested",
          slug: "nested",
          body: "…",
          createdAt: WRITTEN,
          author: { connect: { id: 3 } },
          tags: { create: [{ tagId: 1 }, { tagId: 2 }] },
        },
        include: { tags: { orderBy: { tagId: "asc" } } },
      }),
    createMany: () =>
      db.comment.createMany({
        data: [
          { postId: 1, body: "one", createdAt: WRITTEN },
          { postId: 2, body: "two", createdAt: WRITTEN },
        ],
      }),
    createManyAndReturn: () => db.tag.createManyAndReturn({ data: [{ name: "a" }, { name: "b" }] }),
    update: () => db.user.update({ where: { id: 7 }, data: { active: false, balance: { increment: 1.5 } } }),
    updateMany: () => db.order.updateMany({ where: { status: "paid" }, data: { status: "shipped" } }),
    upsert: () => db.tag.upsert({ where: { name: "sql" }, create: { name: "sql" }, update: { color: "#000000" } }),
    delete: () =>
      db.postTag
        .delete({ where: { postId_tagId: { postId: 240, tagId: 1 } } })
        .catch((error: { code: string }) => error.code),
    deleteMany: () => db.comment.deleteMany({ where: { postId: 9 } }),
    executeRaw: () => db.$executeRaw`UPDATE users SET score = score + 1 WHERE id = ${9}`,
    batch: () =>
      db.$transaction([
        db.user.findUnique({ where: { id: 8 } }),
        db.user.update({ where: { id: 8 }, data: { balance: "1.50" } }),
        db.user.count({ where: { balance: 1.5 } }),
      ]),
    transaction: () =>
      db.$transaction(async (tx) => {
        const locked = await tx.$queryRaw`SELECT id, balance FROM users WHERE id = 8 FOR UPDATE`;
        await tx.user.update({ where: { id: 8 }, data: { balance: "2.50" } });
        return [locked, await tx.user.findUnique({ where: { id: 8 } })];
      }),
    rolledBack: async () => {
      let inside: unknown;
      await db
        .$transaction(
          async (tx) => {
            await tx.post.updateMany({ data: { views: 0n } });
            inside = await tx.post.count({ where: { views: 0n } });
            throw new Error("no");
          },
          { isolationLevel: "Serializable" },
        )
        .catch(() => {});
      return [inside, await db.post.count({ where: { views: 0n } })];
    },
  });
}
