import {
  type FilterQuery,
  helper,
  IsolationLevel,
  LoadStrategy,
  LockMode,
  MikroORM,
  raw,
  sql,
  Utils,
  wrap,
} from "@mikro-orm/core";
import { PostgreSqlDriver, type SqlEntityManager } from "@mikro-orm/postgresql";
import type pg from "pg";
import type { Actions, Program } from "../program.ts";
import {
  CommentSchema,
  OrderItemSchema,
  OrderSchema,
  PostSchema,
  ProfileSchema,
  TagSchema,
  type User,
  UserSchema,
} from "./models/mikro-orm.ts";

const ORDER = "99a233e6-7156-812c-9681-c22c78e91aaa";
type Call = (em: SqlEntityManager) => Promise<unknown>;

export const program: Program = {
  name: "mikro-orm",
  async open({ url, attach }) {
    const orm = await MikroORM.init({
      driver: PostgreSqlDriver,
      clientUrl: url,
      entities: [UserSchema, ProfileSchema, PostSchema, CommentSchema, TagSchema, OrderSchema, OrderItemSchema],
      pool: { max: 4 },
      driverOptions: { onPoolCreated: (pool: pg.Pool) => void attach(pool) },
    });
    await orm.connect();
    /** An identity map for each action, as for each request of a server. */
    const inFork = (call: Call) => async () => plain(await call(orm.em.fork() as SqlEntityManager));
    const actions = (calls: Readonly<Record<string, Call>>): Actions =>
      Object.fromEntries(Object.entries(calls).map(([name, call]) => [name, inFork(call)]));
    return {
      reads: actions({ ...filters(), ...finds(), ...populates(), ...builders() }),
      unordered: ["allTags"],
      writes: actions(writes()),
      findFirst: inFork((em) => em.findOne(UserSchema, 42)),
      close: () => orm.close(),
    };
  },
};

/** Entities refer to each other in circles and to the entity manager: what they hold is compared, three relations deep. */
function plain(found: unknown, depth = 3): unknown {
  if (Array.isArray(found)) return found.map((item) => plain(item, depth));
  if (Utils.isCollection(found)) return found.isInitialized() ? plain(found.getItems(), depth) : null;
  if (!Utils.isEntity<object>(found)) return found;
  const { __meta: meta } = helper(found);
  if (depth === 0 || !wrap(found).isInitialized())
    return meta.primaryKeys.map((key) => plain(Reflect.get(found, key), 0));
  return Object.fromEntries(
    Object.keys(meta.properties).map((key) => [key, plain(Reflect.get(found, key), depth - 1)]),
  );
}

function filters(): Readonly<Record<string, Call>> {
  const where =
    (condition: FilterQuery<User>): Call =>
    (em) =>
      em.find(UserSchema, condition, { fields: ["id", "name"], orderBy: { id: "asc" } });
  return {
    eq: where({ id: 5 }),
    eqText: where({ email: "ada8@mail.test" }),
    eqOperator: where({ role: { $eq: "admin" } }),
    eqBoolean: where({ active: false }),
    eqQuote: where({ name: "Dan O'Brien" }),
    ne: where({ role: { $ne: "member" } }),
    isNull: where({ deletedAt: null }),
    notNull: where({ age: { $ne: null } }),
    exists: where({ birthday: { $exists: true } }),
    gt: where({ age: { $gt: 50 } }),
    gte: where({ balance: { $gte: "500.10" } }),
    lt: where({ score: { $lt: 5.5 } }),
    lte: where({ createdAt: { $lte: new Date("2023-02-20T12:00:00Z") } }),
    dateBefore: where({ birthday: { $lt: "1980-01-01" } }),
    in: where({ id: [1, 2, 3] }),
    inOperator: where({ role: { $in: ["admin", "editor"] } }),
    notIn: where({ id: { $nin: [1, 2, 3] } }),
    inEmpty: where({ id: { $in: [] } }),
    like: where({ name: { $like: "%Smith" } }),
    ilike: where({ name: { $ilike: "ada%" } }),
    regexp: where({ email: /^ada[0-9]+@/ }),
    contains: where({ interests: { $contains: ["sql"] } }),
    contained: where({ interests: { $contained: ["sql", "type script"] } }),
    overlap: where({ interests: { $overlap: ["music", "sql"] } }),
    json: where({ settings: { theme: "dark" } }),
    jsonNumber: where({ settings: { level: { $gt: 2 } } }),
    and: where({ active: true, age: { $gt: 30 }, deletedAt: null }),
    range: where({ age: { $gte: 20, $lt: 40 } }),
    or: where({ $or: [{ role: "admin" }, { age: { $lt: 25 }, id: { $ne: 9 } }] }),
    not: where({ $not: { active: true } }),
    raw: where({ [raw("lower(email)") as never]: "ada8@mail.test" }),
    function: where({ [sql.upper("name") as never]: "DAN O'BRIEN" }),
    relation: where({ manager: 2 }),
    relationProperty: where({ manager: { role: "admin" } }),
    manyProperty: where({ posts: { slug: { $like: "post-1%" } } }),
    some: where({ posts: { $some: { published: true } } }),
    none: where({ posts: { $none: { published: true } } }),
    every: where({ posts: { $every: { published: true } } }),
    deep: where({ posts: { tags: { name: "café" } } }),
  };
}

function finds(): Readonly<Record<string, Call>> {
  return {
    all: (em) => em.find(UserSchema, {}, { orderBy: { id: "asc" } }),
    allTags: (em) => em.findAll(TagSchema),
    byId: (em) => em.findOne(PostSchema, 30),
    byUuid: (em) => em.findOneOrFail(OrderSchema, ORDER),
    compositeKey: (em) => em.findOne(OrderItemSchema, { order: ORDER, line: 1 }),
    one: (em) => em.findOne(PostSchema, { slug: "post-17" }),
    fields: (em) => em.find(PostSchema, { published: true }, { fields: ["id", "title"], orderBy: { id: "desc" } }),
    exclude: (em) => em.find(PostSchema, { id: { $lt: 6 } }, { exclude: ["body"], orderBy: { id: "asc" } }),
    page: (em) => em.find(PostSchema, {}, { orderBy: [{ createdAt: "desc" }, { id: "asc" }], limit: 10, offset: 20 }),
    pageAndCount: (em) => em.findAndCount(PostSchema, { published: true }, { orderBy: { id: "asc" }, limit: 5 }),
    cursor: async (em) => (await em.findByCursor(PostSchema, { first: 5, orderBy: { id: "asc" } })).items,
    cursorAfter: async (em) =>
      (await em.findByCursor(PostSchema, { first: 5, after: { id: 20 } as never, orderBy: { id: "asc" } })).items,
    nullsLast: (em) =>
      em.find(UserSchema, {}, { fields: ["id", "age"], orderBy: [{ age: "desc nulls last" }, { id: "asc" }] }),
    orderByRelation: (em) =>
      em.find(PostSchema, {}, { orderBy: [{ author: { name: "asc" } }, { id: "asc" }], limit: 5 }),
    count: (em) => em.count(UserSchema),
    countWhere: (em) => em.count(OrderSchema, { status: "paid" }),
    countRelation: (em) => em.count(PostSchema, { author: { role: "admin" } }),
    orders: (em) => em.find(OrderSchema, {}, { orderBy: { id: "asc" } }),
    execute: (em) => em.execute("select id, name from users where id < ? order by id", [6]),
    executePlain: (em) => em.execute("select count(*) as n from orders where status = 'paid'"),
    stream: async (em) => {
      const bodies: string[] = [];
      for await (const { body } of em.stream(CommentSchema, { where: { likes: { $gt: 20 } }, orderBy: { id: "asc" } }))
        bodies.push(body);
      return bodies;
    },
  };
}

function populates(): Readonly<Record<string, Call>> {
  const everyStrategy = (strategy: LoadStrategy): Readonly<Record<string, Call>> => ({
    [`${strategy}One`]: (em) => em.findOne(PostSchema, 30, { populate: ["author"], strategy }),
    [`${strategy}Many`]: (em) =>
      em.find(
        UserSchema,
        { id: { $lt: 8 } },
        { populate: ["posts"], orderBy: { id: "asc", posts: { id: "asc" } }, strategy },
      ),
    [`${strategy}Profile`]: (em) =>
      em.find(UserSchema, {}, { populate: ["profile"], orderBy: { id: "asc" }, strategy }),
    [`${strategy}ManyToMany`]: (em) =>
      em.find(
        PostSchema,
        { id: { $lt: 10 } },
        { populate: ["tags"], orderBy: { id: "asc", tags: { name: "asc" } }, strategy },
      ),
    [`${strategy}Nested`]: (em) =>
      em.find(
        PostSchema,
        { id: { $lt: 6 } },
        { populate: ["author.profile", "comments.user"], orderBy: { id: "asc", comments: { id: "asc" } }, strategy },
      ),
    [`${strategy}Page`]: (em) =>
      em.find(
        UserSchema,
        { active: true },
        { populate: ["posts"], orderBy: { id: "asc", posts: { id: "asc" } }, limit: 5, offset: 5, strategy },
      ),
    [`${strategy}Where`]: (em) =>
      em.find(
        UserSchema,
        { id: { $lt: 10 } },
        {
          populate: ["posts"],
          populateWhere: { posts: { published: true } },
          orderBy: { id: "asc", posts: { id: "asc" } },
          strategy,
        },
      ),
    [`${strategy}Orders`]: (em) =>
      em.find(
        OrderSchema,
        { status: "paid" },
        { populate: ["items", "user"], orderBy: { id: "asc", items: { line: "asc" } }, limit: 6, strategy },
      ),
    [`${strategy}Filter`]: (em) =>
      em.find(
        PostSchema,
        { tags: { name: "sql" } },
        { populate: ["tags"], orderBy: { id: "asc", tags: { name: "asc" } }, strategy },
      ),
    [`${strategy}Tree`]: (em) =>
      em.findOne(UserSchema, 2, { populate: ["manager", "team"], orderBy: { team: { id: "asc" } }, strategy }),
  });
  return {
    ...everyStrategy(LoadStrategy.JOINED),
    ...everyStrategy(LoadStrategy.SELECT_IN),
    ...everyStrategy(LoadStrategy.BALANCED),
    partial: (em) =>
      em.find(
        PostSchema,
        { id: { $lt: 9 } },
        { populate: ["author"], fields: ["title", "author.name"], orderBy: { id: "asc" } },
      ),
    collectionInit: async (em) =>
      (await em.findOneOrFail(UserSchema, 12)).posts
        .init({ orderBy: { id: "asc" } })
        .then((posts) => posts.getItems().map(({ title }) => title)),
    collectionCount: async (em) => (await em.findOneOrFail(UserSchema, 12)).posts.loadCount(),
    collectionMatching: async (em) =>
      (await em.findOneOrFail(PostSchema, 5)).tags.matching({
        where: { name: { $like: "%a%" } },
        orderBy: { name: "asc" },
      }),
    populateLater: async (em) =>
      em.populate(await em.find(PostSchema, { id: { $lt: 5 } }, { orderBy: { id: "asc" } }), ["author", "tags"]),
    reference: async (em) => wrap(em.getReference(UserSchema, 3)).init(),
  };
}

function builders(): Readonly<Record<string, Call>> {
  return {
    builderOne: (em) => em.createQueryBuilder(UserSchema, "u").where({ id: 7 }).getSingleResult(),
    builderMany: (em) =>
      em
        .createQueryBuilder(UserSchema, "u")
        .select(["u.id", "u.name"])
        .where({ active: true })
        .andWhere({ age: { $gt: 30 } })
        .orderBy({ id: "asc" })
        .execute(),
    builderJoin: (em) =>
      em
        .createQueryBuilder(PostSchema, "p")
        .select(["p.id", "p.title"])
        .join("p.author", "a")
        .where({ "a.role": "admin" })
        .orderBy({ "p.id": "asc" })
        .execute(),
    builderJoinSelect: (em) =>
      em
        .createQueryBuilder(PostSchema, "p")
        .select("p.*")
        .leftJoinAndSelect("p.author", "a")
        .where({ id: { $lt: 10 } })
        .orderBy({ id: "asc" })
        .getResultList(),
    builderCount: (em) => em.createQueryBuilder(UserSchema, "u").where({ active: true }).getCount(),
    builderGroup: (em) =>
      em
        .createQueryBuilder(OrderSchema, "o")
        .select(["o.status", sql`count(*)`.as("n"), sql`sum(o.total)`.as("total")])
        .groupBy("o.status")
        .orderBy({ status: "asc" })
        .execute("all"),
    builderHaving: (em) =>
      em
        .createQueryBuilder(OrderSchema, "o")
        .select(["o.user", sql`count(*)`.as("n")])
        .groupBy("o.user")
        .having("count(*) > ?", [3])
        .orderBy({ user: "asc" })
        .execute("all"),
    builderDistinct: (em) =>
      em.createQueryBuilder(OrderSchema, "o").select("o.currency", true).orderBy({ currency: "asc" }).execute(),
    builderSubquery: (em) =>
      em
        .createQueryBuilder(UserSchema, "u")
        .select("u.id")
        .where({
          id: {
            $in: em
              .createQueryBuilder(OrderSchema, "o")
              .select("o.user")
              .where({ total: { $gt: "900" } })
              .toRaw(),
          },
        })
        .orderBy({ id: "asc" })
        .execute(),
    builderPage: (em) =>
      em
        .createQueryBuilder(PostSchema, "p")
        .select("*")
        .leftJoinAndSelect("p.comments", "c")
        .orderBy({ id: "asc", "c.id": "asc" })
        .limit(5)
        .offset(5)
        .getResultList(),
    kysely: (em) =>
      (em.getKysely() as unknown as KyselyLike)
        .selectFrom("users")
        .select(["id", "email"])
        .where("id", "in", [1, 2, 3])
        .orderBy("id")
        .execute(),
  };
}

interface KyselyLike {
  selectFrom(table: string): KyselyLike;
  select(columns: readonly string[]): KyselyLike;
  where(column: string, operator: string, value: unknown): KyselyLike;
  orderBy(column: string): KyselyLike;
  execute(): Promise<unknown>;
}

function writes(): Readonly<Record<string, Call>> {
  return {
    persist: async (em) => {
      const tag = em.create(TagSchema, { name: "new", color: "#ffffff" } as never);
      await em.persist(tag).flush();
      return tag;
    },
    flushChange: async (em) => {
      const user = await em.findOneOrFail(UserSchema, 7);
      user.active = false;
      user.balance = "12.50";
      await em.flush();
      return user;
    },
    changeCollection: async (em) => {
      const post = await em.findOneOrFail(PostSchema, 5, { populate: ["tags"] });
      post.tags.removeAll();
      await em.flush();
      return post;
    },
    insertMany: (em) => em.insertMany(TagSchema, [{ name: "a" }, { name: "b" }] as never),
    upsert: (em) => em.upsert(TagSchema, { name: "sql", color: "#000000" } as never),
    nativeUpdate: (em) => em.nativeUpdate(UserSchema, { id: 9 }, { balance: "3.20" }),
    nativeDelete: (em) => em.nativeDelete(CommentSchema, { post: 9 }),
    transaction: (em) =>
      em.transactional(async (tx) => {
        const locked = await tx.findOneOrFail(UserSchema, 8, { lockMode: LockMode.PESSIMISTIC_WRITE });
        locked.balance = "1.50";
        await tx.flush();
        return await tx.find(UserSchema, { balance: "1.50" }, { orderBy: { id: "asc" } });
      }),
    rolledBack: async (em) => {
      await em.begin({ isolationLevel: IsolationLevel.SERIALIZABLE });
      await em.nativeUpdate(PostSchema, {}, { views: "0" });
      const inside = await em.count(PostSchema, { views: "0" });
      await em.rollback();
      return [inside, await em.count(PostSchema, { views: "0" })];
    },
  };
}
