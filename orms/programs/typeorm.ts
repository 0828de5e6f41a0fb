import "reflect-metadata";
import type pg from "pg";
import {
  And,
  Any,
  ArrayContainedBy,
  ArrayContains,
  ArrayOverlap,
  Between,
  Brackets,
  DataSource,
  Equal,
  type FindOptionsWhere,
  ILike,
  In,
  IsNull,
  JsonContains,
  LessThan,
  LessThanOrEqual,
  Like,
  MoreThan,
  MoreThanOrEqual,
  Not,
  NotBrackets,
  Or,
  Raw,
} from "typeorm";
import type { Actions, Program } from "../program.ts";
import {
  CommentEntity,
  OrderEntity,
  OrderItemEntity,
  PostEntity,
  ProfileEntity,
  TagEntity,
  type User,
  UserEntity,
} from "./models/typeorm.ts";

const ORDER = "99a233e6-7156-812c-9681-c22c78e91aaa";

/** Not the clock: two runs are compared. */
const WRITTEN = new Date("2024-09-01T00:00:00Z");

export const program: Program = {
  name: "typeorm",
  async open({ url, attach }) {
    const db = new DataSource({
      type: "postgres",
      url,
      entities: [UserEntity, ProfileEntity, PostEntity, CommentEntity, TagEntity, OrderEntity, OrderItemEntity],
      extra: { max: 4 },
    });
    await db.initialize();
    attach((db.driver as unknown as { master: pg.Pool }).master);
    return {
      reads: { ...filters(db), ...finds(db), ...relations(db), ...builders(db), ...builderJoins(db) },
      // It has no order for the members of a relation that it loads on its own.
      unordered: ["allTags", "relationIds", "tree", "builderJoinPage"].concat(
        ["ManyToMany", "Nested", "Page", "Orders"].flatMap((load) => [`join${load}`, `query${load}`]),
      ),
      writes: writes(db),
      findFirst: () => db.getRepository(UserEntity).findOneBy({ id: 42 }),
      close: () => db.destroy(),
    };
  },
};

function filters(db: DataSource): Actions {
  const users = db.getRepository(UserEntity);
  const where = (condition: FindOptionsWhere<User> | FindOptionsWhere<User>[]) => () =>
    users.find({ select: { id: true, name: true }, where: condition, order: { id: "ASC" } });
  return {
    eq: where({ id: 5 }),
    eqText: where({ email: "ada8@mail.test" }),
    equal: where({ role: Equal("admin") }),
    eqBoolean: where({ active: false }),
    not: where({ role: Not("member") }),
    notNull: where({ age: Not(IsNull()) }),
    isNull: where({ birthday: IsNull() }),
    moreThan: where({ age: MoreThan(50) }),
    moreThanOrEqual: where({ balance: MoreThanOrEqual("500.10") }),
    lessThan: where({ score: LessThan(5.5) }),
    lessThanOrEqual: where({ createdAt: LessThanOrEqual(new Date("2023-02-20T12:00:00Z")) }),
    dateBefore: where({ birthday: LessThan("1980-01-01") }),
    in: where({ id: In([1, 2, 3]) }),
    inEmpty: where({ id: In([]) }),
    notIn: where({ role: Not(In(["admin", "editor"])) }),
    any: where({ id: Any([4, 5, 6]) }),
    between: where({ age: Between(20, 30) }),
    like: where({ name: Like("%Smith") }),
    notLike: where({ name: Not(Like("%Smith%")) }),
    ilike: where({ name: ILike("ada%") }),
    arrayContains: where({ interests: ArrayContains(["sql"]) }),
    arrayContainedBy: where({ interests: ArrayContainedBy(["sql", "type script"]) }),
    arrayOverlap: where({ interests: ArrayOverlap(["music", "sql"]) }),
    jsonContains: where({ settings: JsonContains({ notify: true }) }),
    raw: where({ email: Raw((alias) => `lower(${alias}) = :email`, { email: "ada8@mail.test" }) }),
    and: where({ active: true, age: MoreThan(30) }),
    andOperator: where({ age: And(MoreThan(20), LessThan(40)) }),
    orOperator: where({ age: Or(LessThan(20), MoreThan(70), IsNull()) }),
    or: where([{ role: "admin" }, { age: LessThan(25), id: Not(9) }]),
  };
}

function finds(db: DataSource): Actions {
  const [users, posts, orders] = [
    db.getRepository(UserEntity),
    db.getRepository(PostEntity),
    db.getRepository(OrderEntity),
  ];
  return {
    all: () => users.find({ order: { id: "ASC" } }),
    allTags: () => db.getRepository(TagEntity).find(),
    withDeleted: () => users.find({ withDeleted: true, order: { id: "ASC" } }),
    one: () => posts.findOne({ where: { slug: "post-17" } }),
    oneBy: () => orders.findOneBy({ id: ORDER }),
    oneOrFail: () => posts.findOneByOrFail({ id: 30 }),
    compositeKey: () => db.getRepository(OrderItemEntity).findOneBy({ orderId: ORDER, line: 1 }),
    page: () => posts.find({ order: { createdAt: "DESC", id: "ASC" }, take: 10, skip: 20 }),
    pageAndCount: () => posts.findAndCount({ where: { published: true }, order: { id: "ASC" }, take: 5 }),
    nullsLast: () =>
      users.find({ select: { id: true, age: true }, order: { age: { direction: "DESC", nulls: "LAST" }, id: "ASC" } }),
    count: () => users.count(),
    countBy: () => orders.countBy({ status: "paid" }),
    exists: () => users.exists({ where: { email: "nobody@example.com" } }),
    existsBy: () => posts.existsBy({ published: true }),
    sum: () => orders.sum("total" as never, { status: "paid" }),
    average: () => users.average("age" as "score"),
    minimum: () => users.minimum("score"),
    maximum: () => posts.maximum("id", { published: true }),
    rawQuery: () => db.query("SELECT id, name FROM users WHERE id < $1 ORDER BY id", [6]),
    rawPlain: () => db.query("SELECT count(*) FROM orders WHERE status = 'paid'"),
  };
}

function relations(db: DataSource): Actions {
  const [users, posts, orders] = [
    db.getRepository(UserEntity),
    db.getRepository(PostEntity),
    db.getRepository(OrderEntity),
  ];
  const everyStrategy = (strategy: "join" | "query"): Actions => ({
    [`${strategy}One`]: () =>
      posts.findOne({ where: { id: 30 }, relations: { author: true }, relationLoadStrategy: strategy }),
    [`${strategy}Many`]: () =>
      users.find({
        where: { id: LessThan(8) },
        relations: { posts: true },
        order: { id: "ASC", posts: { id: "ASC" } },
        relationLoadStrategy: strategy,
      }),
    [`${strategy}Profile`]: () =>
      users.find({ relations: { profile: true }, order: { id: "ASC" }, relationLoadStrategy: strategy }),
    [`${strategy}ManyToMany`]: () =>
      posts.find({
        where: { id: LessThan(10) },
        relations: { tags: true },
        order: { id: "ASC" },
        relationLoadStrategy: strategy,
      }),
    [`${strategy}Nested`]: () =>
      posts.find({
        where: { id: LessThan(6) },
        relations: { author: { profile: true }, comments: { user: true } },
        order: { id: "ASC" },
        relationLoadStrategy: strategy,
      }),
    [`${strategy}Page`]: () =>
      users.find({
        where: { active: true },
        relations: { posts: true },
        order: { id: "ASC" },
        take: 5,
        skip: 5,
        relationLoadStrategy: strategy,
      }),
    [`${strategy}Orders`]: () =>
      orders.find({
        where: { status: "paid" },
        relations: { items: true, user: true },
        order: { id: "ASC" },
        take: 6,
        relationLoadStrategy: strategy,
      }),
  });
  return {
    ...everyStrategy("join"),
    ...everyStrategy("query"),
    relationFilter: () => posts.find({ where: { author: { role: "admin" } }, order: { id: "ASC" } }),
    relationSelect: () =>
      posts.find({
        select: { id: true, author: { name: true } },
        relations: { author: true },
        order: { id: "ASC" },
        take: 5,
      }),
    manyFilter: () => posts.find({ where: { tags: { name: "sql" } }, order: { id: "ASC" } }),
    relationIds: () =>
      users.find({ where: { id: LessThan(5) }, loadRelationIds: { relations: ["posts"] }, order: { id: "ASC" } }),
    orderByRelation: () =>
      posts.find({ relations: { author: true }, order: { author: { name: "ASC" }, id: "ASC" }, take: 5 }),
    tree: () => users.findOne({ where: { id: 2 }, relations: { manager: true, team: true } }),
    builderRelation: () => db.createQueryBuilder().relation(UserEntity, "posts").of(12).loadMany(),
    builderRelationOne: () => db.createQueryBuilder().relation(PostEntity, "author").of(12).loadOne(),
  };
}

function builders(db: DataSource): Actions {
  const users = () => db.getRepository(UserEntity).createQueryBuilder("user");
  const orders = () => db.getRepository(OrderEntity).createQueryBuilder("o");
  return {
    builderOne: () => users().where("user.id = :id", { id: 7 }).getOne(),
    builderMany: () =>
      users()
        .where("user.active = :active", { active: true })
        .andWhere("user.age > :age", { age: 30 })
        .orderBy("user.id")
        .getMany(),
    builderIn: () =>
      users()
        .where("user.id IN (:...ids)", { ids: [1, 2, 3] })
        .orderBy("user.id")
        .getMany(),
    builderBrackets: () =>
      users()
        .where("user.active")
        .andWhere(new Brackets((where) => void where.where("user.role = 'admin'").orWhere("user.age IS NULL")))
        .orderBy("user.id")
        .getMany(),
    builderNotBrackets: () =>
      users()
        .where(new NotBrackets((where) => void where.where("user.role = :role", { role: "member" })))
        .orderBy("user.id")
        .getMany(),
    builderPage: () => users().orderBy("user.createdAt", "DESC").addOrderBy("user.id").skip(10).take(5).getMany(),
    builderLimit: () => users().select(["user.id", "user.email"]).orderBy("user.id").offset(10).limit(5).getMany(),
    builderCount: () => users().where("user.active").getCount(),
    builderExists: () => users().where("user.email = :email", { email: "x" }).getExists(),
    builderRaw: () =>
      users()
        .select("user.role", "role")
        .addSelect("COUNT(*)", "n")
        .addSelect("AVG(user.age)", "age")
        .groupBy("user.role")
        .orderBy("role")
        .getRawMany(),
    builderHaving: () =>
      orders()
        .select("o.userId", "user")
        .addSelect("SUM(o.total)", "total")
        .groupBy("o.userId")
        .having("COUNT(*) > :n", { n: 3 })
        .orderBy("o.userId")
        .getRawMany(),
    builderSum: () =>
      orders().select("SUM(o.total)", "sum").where("o.status = :status", { status: "paid" }).getRawOne(),
    builderDistinct: () => orders().select("o.currency", "currency").distinct(true).orderBy("currency").getRawMany(),
    builderDistinctOn: () =>
      orders().distinctOn(["o.userId"]).orderBy("o.userId").addOrderBy("o.placedAt", "DESC").getMany(),
    builderSubquery: () => {
      const query = users();
      return query
        .where(
          `user.id IN ${query.subQuery().select("o.userId").from(OrderEntity, "o").where("o.total > :total").getQuery()}`,
        )
        .setParameter("total", 900)
        .orderBy("user.id")
        .getMany();
    },
    builderExistsSubquery: () => {
      const query = users().select(["user.id"]);
      return query
        .where(`EXISTS ${query.subQuery().select("1").from(PostEntity, "p").where("p.author_id = user.id").getQuery()}`)
        .orderBy("user.id")
        .getMany();
    },
    builderFromSubquery: () =>
      db
        .createQueryBuilder()
        .select("s.id", "id")
        .from(
          (query) =>
            query.select("p.id", "id").addSelect("p.views", "views").from(PostEntity, "p").where("p.published"),
          "s",
        )
        .orderBy("s.views", "DESC")
        .addOrderBy("s.id")
        .limit(3)
        .getRawMany(),
    builderSelectSubquery: () =>
      users()
        .select("user.id", "id")
        .addSelect((query) => query.select("COUNT(*)").from(PostEntity, "p").where("p.author_id = user.id"), "posts")
        .orderBy("user.id")
        .limit(10)
        .getRawMany(),
    builderCte: () =>
      db
        .createQueryBuilder()
        .addCommonTableExpression(orders().select("o.user_id", "user_id").where("o.total > 500"), "big")
        .select("big.user_id", "user")
        .addSelect("COUNT(*)", "n")
        .from("big", "big")
        .groupBy("big.user_id")
        .orderBy("big.user_id")
        .getRawMany(),
    builderStream: async () => (await users().where("user.id < 20").orderBy("user.id").stream()).toArray(),
  };
}

function builderJoins(db: DataSource): Actions {
  const posts = () => db.getRepository(PostEntity).createQueryBuilder("post");
  return {
    leftJoinAndSelect: () =>
      posts()
        .leftJoinAndSelect("post.author", "author")
        .leftJoinAndSelect("post.comments", "comment")
        .where("post.id < 6")
        .orderBy("post.id")
        .addOrderBy("comment.id")
        .getMany(),
    innerJoinAndSelect: () =>
      posts().innerJoinAndSelect("post.tags", "tag", "tag.name = :tag", { tag: "sql" }).orderBy("post.id").getMany(),
    innerJoin: () =>
      posts()
        .innerJoin("post.author", "author")
        .where("author.role = :role", { role: "admin" })
        .orderBy("post.id")
        .getMany(),
    builderJoinPage: () =>
      posts().leftJoinAndSelect("post.comments", "comment").orderBy("post.id").skip(5).take(5).getMany(),
    joinCount: () => posts().leftJoin("post.comments", "comment").where("comment.likes > 20").getCount(),
    joinAggregate: () =>
      posts()
        .leftJoin("post.comments", "comment")
        .select("post.id", "id")
        .addSelect("COUNT(comment.id)", "n")
        .groupBy("post.id")
        .orderBy("n", "DESC")
        .addOrderBy("post.id")
        .limit(10)
        .getRawMany(),
    joinAndMap: () =>
      posts()
        .leftJoinAndMapOne("post.writer", "User", "writer", "writer.id = post.author_id")
        .where("post.id = 9")
        .getOne(),
    andCount: () =>
      posts()
        .leftJoinAndSelect("post.author", "author")
        .where("author.active")
        .orderBy("post.id")
        .take(3)
        .getManyAndCount(),
    rawAndEntities: () => posts().leftJoinAndSelect("post.author", "author").where("post.id = 3").getRawAndEntities(),
  };
}

function writes(db: DataSource): Actions {
  const [users, tags, comments] = [
    db.getRepository(UserEntity),
    db.getRepository(TagEntity),
    db.getRepository(CommentEntity),
  ];
  return {
    save: () => tags.save({ name: "new", color: "#ffffff" }),
    saveExisting: async () => users.save({ ...(await users.findOneByOrFail({ id: 7 })), active: false }),
    saveGraph: async () => {
      const post = await db.getRepository(PostEntity).findOneOrFail({ where: { id: 5 }, relations: { tags: true } });
      post.tags = post.tags.filter(({ id }) => id !== 3);
      return await db.getRepository(PostEntity).save(post);
    },
    insert: () =>
      comments
        .insert([
          { postId: 1, body: "one", createdAt: WRITTEN },
          { postId: 2, body: "two", createdAt: WRITTEN },
        ])
        .then(({ identifiers }) => identifiers),
    update: () => users.update({ id: 7 }, { balance: "12.50" }),
    increment: () => users.increment({ id: 7 }, "score", 2),
    upsert: () => tags.upsert({ name: "sql", color: "#000000" }, ["name"]).then(({ identifiers }) => identifiers),
    delete: () => comments.delete({ postId: 9 }),
    softDelete: () => users.restore({ id: 20 }),
    builderUpdate: () =>
      users
        .createQueryBuilder()
        .update()
        .set({ balance: () => "balance + 1" })
        .where("id = :id", { id: 9 })
        .returning(["id", "balance"])
        .execute(),
    transaction: () =>
      db.transaction(async (manager) => {
        const locked = await manager.findOne(UserEntity, { where: { id: 8 }, lock: { mode: "pessimistic_write" } });
        await manager.update(UserEntity, { id: 8 }, { balance: "1.50" });
        await manager.transaction(async (nested) => void (await nested.insert(TagEntity, { name: "nested" })));
        return [locked, await manager.findOneBy(UserEntity, { id: 8 })];
      }),
    rolledBack: async () => {
      const runner = db.createQueryRunner();
      await runner.startTransaction("SERIALIZABLE");
      await runner.manager
        .update(PostEntity, {}, { views: "0" })
        .catch(() => runner.query("UPDATE posts SET views = 0"));
      const inside = await runner.query("SELECT count(*) FROM posts WHERE views = 0");
      await runner.rollbackTransaction();
      await runner.release();
      return [inside, await db.query("SELECT count(*) FROM posts WHERE views = 0")];
    },
  };
}
