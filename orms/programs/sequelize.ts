import type pg from "pg";
import {
  col,
  fn,
  literal,
  type Model,
  Op,
  QueryTypes,
  Sequelize,
  Transaction,
  type WhereOptions,
  where,
} from "sequelize";
import type { Actions, Program } from "../program.ts";
import { defineModels, type Models } from "./models/sequelize.ts";

const ORDER = "99a233e6-7156-812c-9681-c22c78e91aaa";

export const program: Program = {
  name: "sequelize",
  async open({ url, attach }) {
    const db = new Sequelize(url, {
      dialect: "postgres",
      logging: false,
      pool: { max: 4 },
      define: { timestamps: false, underscored: true },
      hooks: {
        afterConnect(client) {
          attach(client as pg.Client);
        },
      },
    });
    const models = defineModels(db);
    await db.authenticate();
    return {
      reads: { ...filters(models), ...finds(models), ...aggregates(models), ...includes(models), ...raws(db, models) },
      unordered: ["allTags"],
      writes: writes(db, models),
      findFirst: async () => plain(await models.User.findByPk(42)),
      close: () => db.close(),
    };
  },
};

/** Instances hold the models: only their values are compared. */
function plain(found: unknown): unknown {
  if (Array.isArray(found)) return found.map(plain);
  return isModel(found) ? found.get({ plain: true }) : found;
}

function isModel(found: unknown): found is Model {
  return typeof found === "object" && found !== null && "get" in found && "dataValues" in found;
}

function actions(calls: Actions): Actions {
  return Object.fromEntries(Object.entries(calls).map(([name, call]) => [name, async () => plain(await call())]));
}

function filters({ User, Post }: Models): Actions {
  const filter = (condition: WhereOptions) => () =>
    User.findAll({ attributes: ["id", "name"], where: condition, order: ["id"] });
  return actions({
    eq: filter({ id: 5 }),
    eqText: filter({ email: "ada8@mail.test" }),
    eqOperator: filter({ role: { [Op.eq]: "admin" } }),
    eqBoolean: filter({ active: false }),
    eqQuote: filter({ name: "Dan O'Brien" }),
    ne: filter({ role: { [Op.ne]: "member" } }),
    isNull: filter({ deletedAt: null }),
    is: filter({ active: { [Op.is]: true } }),
    notNull: filter({ age: { [Op.not]: null } }),
    gt: filter({ age: { [Op.gt]: 50 } }),
    gte: filter({ balance: { [Op.gte]: "500.10" } }),
    lt: filter({ score: { [Op.lt]: 5.5 } }),
    lte: filter({ createdAt: { [Op.lte]: new Date("2023-02-20T12:00:00Z") } }),
    dateBefore: filter({ birthday: { [Op.lt]: "1980-01-01" } }),
    in: filter({ id: [1, 2, 3] }),
    inOperator: filter({ role: { [Op.in]: ["admin", "editor"] } }),
    notIn: filter({ id: { [Op.notIn]: [1, 2, 3] } }),
    inEmpty: filter({ id: [] }),
    any: filter(literal("id = ANY(ARRAY[4, 5, 6])")),
    between: filter({ age: { [Op.between]: [20, 30] } }),
    notBetween: filter({ age: { [Op.notBetween]: [20, 70] } }),
    like: filter({ name: { [Op.like]: "%Smith" } }),
    notLike: filter({ name: { [Op.notLike]: "%Smith%" } }),
    iLike: filter({ name: { [Op.iLike]: "ada%" } }),
    notILike: filter({ email: { [Op.notILike]: "%EXAMPLE%" } }),
    startsWith: filter({ name: { [Op.startsWith]: "Ada" } }),
    endsWith: filter({ name: { [Op.endsWith]: "Smith" } }),
    substring: filter({ name: { [Op.substring]: "Brien" } }),
    regexp: filter({ email: { [Op.regexp]: "^ada[0-9]+@" } }),
    iRegexp: filter({ email: { [Op.iRegexp]: "^ADA" } }),
    likeAny: filter({ name: { [Op.iLike]: { [Op.any]: ["ada%", "mia%"] } } }),
    contains: filter({ interests: { [Op.contains]: ["sql"] } }),
    contained: filter({ interests: { [Op.contained]: ["sql", "type script"] } }),
    overlap: filter({ interests: { [Op.overlap]: ["music", "sql"] } }),
    json: filter({ settings: { theme: "dark" } }),
    jsonPath: filter({ "settings.level": { [Op.gt]: 2 } }),
    jsonContains: filter({ settings: { [Op.contains]: { notify: true } } }),
    and: filter({ active: true, age: { [Op.gt]: 30 }, deletedAt: null }),
    range: filter({ age: { [Op.gte]: 20, [Op.lt]: 40 } }),
    or: filter({ [Op.or]: [{ role: "admin" }, { age: { [Op.lt]: 25 }, id: { [Op.ne]: 9 } }] }),
    orColumn: filter({ age: { [Op.or]: [{ [Op.lt]: 20 }, { [Op.gt]: 70 }, null] } }),
    not: filter({ [Op.not]: { active: true, role: "admin" } }),
    function: filter(where(fn("lower", col("email")), "ada8@mail.test")),
    cast: filter(where(fn("char_length", col("name")), { [Op.gt]: 15 })),
    literal: filter(literal("age % 2 = 0")),
    columns: () =>
      Post.findAll({ attributes: ["id"], where: { createdAt: { [Op.lt]: col("published_at") } }, order: ["id"] }),
    inSubquery: filter({ id: { [Op.in]: literal("(SELECT user_id FROM orders WHERE total > 900)") } }),
    exists: filter(literal('EXISTS (SELECT 1 FROM posts p WHERE p.author_id = "User".id)')),
  });
}

function finds({ User, Post, Tag, Order, OrderItem }: Models): Actions {
  return actions({
    all: () => User.findAll({ order: [["id", "ASC"]] }),
    allTags: () => Tag.findAll(),
    byPk: () => Post.findByPk(30),
    byUuid: () => Order.findByPk(ORDER),
    one: () => Post.findOne({ where: { slug: "post-17" } }),
    compositeKey: () => OrderItem.findOne({ where: { orderId: ORDER, line: 1 } }),
    attributes: () => User.findAll({ attributes: ["id", ["email", "mail"]], order: [["id", "DESC"]] }),
    exclude: () => Post.findAll({ attributes: { exclude: ["body"] }, order: ["id"], limit: 5 }),
    computed: () =>
      User.findAll({
        attributes: ["id", [fn("upper", col("name")), "upper"], [literal("COALESCE(age, 0)"), "age"]],
        order: ["id"],
      }),
    page: () => Post.findAll({ order: [["createdAt", "DESC"], "id"], limit: 10, offset: 20 }),
    pageAndCount: () =>
      Post.findAndCountAll({ where: { published: true }, order: ["id"], limit: 5 }).then(({ count, rows }) => ({
        count,
        rows: plain(rows),
      })),
    nullsLast: () => User.findAll({ attributes: ["id", "age"], order: [["age", "DESC NULLS LAST"], "id"] }),
    orderByFunction: () =>
      User.findAll({ attributes: ["id"], order: [[fn("lower", col("name")), "ASC"], "id"], limit: 10 }),
    raw: () => User.findAll({ raw: true, where: { id: { [Op.lt]: 6 } }, order: ["id"] }),
    scope: () => Post.scope(["published", "short"]).findAll({ order: ["id"] }),
    orders: () => Order.findAll({ order: ["id"] }),
  });
}

function aggregates({ User, Post, Order, Comment }: Models): Actions {
  return actions({
    count: () => User.count(),
    countWhere: () => Order.count({ where: { status: "paid" } }),
    countDistinct: () => Order.count({ distinct: true, col: "user_id" }),
    countGrouped: () =>
      Order.count({ group: ["status"], attributes: ["status"] }).then((groups) =>
        [...groups].sort((a, b) => String(a.status).localeCompare(String(b.status))),
      ),
    countInclude: () => Post.count({ include: [{ association: "comments", required: true }], distinct: true }),
    sum: () => Order.sum("total", { where: { status: "paid" } }),
    min: () => User.min("createdAt"),
    max: () => User.max("score"),
    average: () => User.aggregate("age", "avg", { dataType: "float" }),
    groupBy: () =>
      Order.findAll({
        attributes: ["status", [fn("COUNT", col("id")), "n"], [fn("SUM", col("total")), "total"]],
        group: ["status"],
        order: ["status"],
        raw: true,
      }),
    having: () =>
      Order.findAll({
        attributes: ["userId", [fn("COUNT", col("id")), "n"]],
        group: ["userId"],
        having: where(fn("COUNT", col("id")), { [Op.gt]: 3 }),
        order: ["userId"],
        raw: true,
      }),
    groupByMonth: () =>
      Order.findAll({
        attributes: [
          [fn("date_trunc", "month", col("placed_at")), "month"],
          [fn("count", literal("*")), "n"],
        ],
        group: ["month"],
        order: [literal("month")],
        raw: true,
      }),
    distinct: () =>
      Order.findAll({ attributes: [[fn("DISTINCT", col("currency")), "currency"]], order: ["currency"], raw: true }),
    scalarSubquery: () =>
      Post.findAll({
        attributes: ["id", [literal('(SELECT COUNT(*) FROM comments c WHERE c.post_id = "Post".id)'), "comments"]],
        order: ["id"],
        limit: 15,
      }),
    likes: () =>
      Comment.findAll({
        attributes: ["postId", [fn("SUM", col("likes")), "likes"]],
        group: ["postId"],
        order: [
          [literal("likes"), "DESC"],
          ["postId", "ASC"],
        ],
        limit: 5,
        raw: true,
      }),
  });
}

function includes({ User, Post, Tag, Order }: Models): Actions {
  return actions({
    belongsTo: () => Post.findByPk(30, { include: "author" }),
    hasOne: () =>
      User.findAll({ include: [{ association: "profile", attributes: ["bio", "website"] }], order: ["id"] }),
    hasMany: () =>
      User.findAll({ where: { id: { [Op.lt]: 8 } }, include: ["posts"], order: ["id", ["posts", "id", "ASC"]] }),
    hasManyLimited: () =>
      User.findAll({
        where: { active: true },
        include: [{ association: "posts" }],
        order: ["id", ["posts", "id", "ASC"]],
        limit: 5,
        offset: 5,
      }),
    required: () =>
      User.findAll({
        include: [{ association: "posts", required: true, where: { published: true } }],
        order: ["id", ["posts", "id", "ASC"]],
        limit: 5,
      }),
    separate: () =>
      User.findAll({ include: [{ association: "posts", separate: true, order: ["id"] }], order: ["id"], limit: 10 }),
    separateLimited: () =>
      User.findAll({
        where: { id: [1, 2, 3] },
        include: [{ association: "posts", separate: true, order: ["id"], limit: 2 }],
        order: ["id"],
      }),
    manyToMany: () =>
      Post.findAll({
        where: { id: { [Op.lt]: 10 } },
        include: [{ association: "tags", through: { attributes: [] } }],
        order: ["id", ["tags", "name", "ASC"]],
      }),
    manyToManyLimited: () =>
      Post.findAll({
        include: ["tags"],
        order: [
          ["id", "DESC"],
          ["tags", "name", "ASC"],
        ],
        limit: 10,
      }),
    manyToManyFilter: () => Post.findAll({ include: [{ association: "tags", where: { name: "sql" } }], order: ["id"] }),
    nested: () =>
      Post.findAll({
        where: { id: { [Op.lt]: 6 } },
        include: [
          { association: "author", include: ["profile"] },
          { association: "comments", include: ["user"] },
        ],
        order: ["id", ["comments", "id", "ASC"]],
      }),
    nestedFilter: () => Post.findAll({ where: { "$author.role$": "admin" }, include: ["author"], order: ["id"] }),
    orderByAssociation: () => Post.findAll({ include: ["author"], order: [["author", "name", "ASC"], "id"], limit: 5 }),
    orders: () =>
      Order.findAll({
        where: { status: "paid" },
        include: ["items", "user"],
        order: ["id", ["items", "line", "ASC"]],
        limit: 6,
      }),
    tree: () =>
      User.findOne({
        where: { id: 2 },
        include: ["manager", { association: "team", attributes: ["id", "name"] }],
        order: [["team", "id", "ASC"]],
      }),
    aggregated: () =>
      User.findAll({
        attributes: ["id", [fn("COUNT", col("posts.id")), "n"]],
        include: [{ association: "posts", attributes: [] }],
        group: ["User.id"],
        order: ["id"],
      }),
    getMany: async () => ((await User.findByPk(12)) as unknown as Getters).getPosts({ order: ["id"] }),
    getThrough: async () =>
      ((await Post.findByPk(5)) as unknown as Getters).getTags({ order: ["name"], joinTableAttributes: [] }),
    countMany: async () => ((await User.findByPk(12)) as unknown as Getters).countPosts(),
    hasThrough: async () => ((await Post.findByPk(5)) as unknown as Getters).hasTag(3),
    back: () =>
      Tag.findOne({
        where: { name: "café" },
        include: [{ association: "posts", attributes: ["id", "title"], through: { attributes: [] } }],
        order: [["posts", "id", "ASC"]],
      }),
  });
}

/** What associations add to instances. */
interface Getters {
  getPosts(options: object): Promise<unknown>;
  getTags(options: object): Promise<unknown>;
  countPosts(): Promise<number>;
  hasTag(id: number): Promise<boolean>;
}

function raws(db: Sequelize, { User }: Models): Actions {
  return actions({
    query: () => db.query("SELECT id, name FROM users WHERE id < 6 ORDER BY id", { type: QueryTypes.SELECT }),
    replacements: () =>
      db.query("SELECT id FROM users WHERE role IN (:roles) ORDER BY id", {
        replacements: { roles: ["admin", "editor"] },
        type: QueryTypes.SELECT,
      }),
    bind: () =>
      db.query("SELECT id, name FROM users WHERE id = $id AND active = $active", {
        bind: { id: 5, active: true },
        type: QueryTypes.SELECT,
      }),
    bindPositions: () =>
      db.query("SELECT id, name FROM users WHERE id = $1 OR email = $2 ORDER BY id", {
        bind: [5, "ada8@mail.test"],
        type: QueryTypes.SELECT,
      }),
    mapped: () => db.query("SELECT id, name FROM users WHERE id = 7", { model: User, mapToModel: true }),
    join: () =>
      db.query(
        "SELECT p.id, u.name FROM posts p JOIN users u ON u.id = p.author_id WHERE u.role = 'admin' ORDER BY p.id",
        { type: QueryTypes.SELECT },
      ),
  });
}

function writes(db: Sequelize, { User, Post, Tag, Comment }: Models): Actions {
  return actions({
    create: () => Tag.create({ name: "new", color: "#ffffff" }),
    bulkCreate: () =>
      Comment.bulkCreate([
        { postId: 1, body: "one", likes: 0, createdAt: new Date("2024-09-01T00:00:00Z") },
        { postId: 2, body: "two", likes: 0, createdAt: new Date("2024-09-01T00:00:00Z") },
      ]),
    update: () =>
      User.update({ active: false }, { where: { id: 7 }, returning: true }).then(([count, rows]) => [
        count,
        plain(rows),
      ]),
    save: async () => {
      const user = await User.findByPk(7, { rejectOnEmpty: true });
      user.set({ balance: "12.50" });
      return await user.save();
    },
    increment: () => User.increment({ score: 2 }, { where: { id: 7 } }).then(() => null),
    findOrCreate: () => Tag.findOrCreate({ where: { name: "sql" } }).then(([tag, created]) => [plain(tag), created]),
    upsert: () =>
      Tag.upsert({ name: "sql", color: "#000000" }, { conflictFields: ["name"] }).then(([tag]) => plain(tag)),
    destroy: () => Comment.destroy({ where: { postId: 9 } }),
    transaction: () =>
      db.transaction(async (transaction) => {
        const locked = await User.findByPk(8, { lock: transaction.LOCK.UPDATE, transaction });
        await User.update({ balance: "1.50" }, { where: { id: 8 }, transaction });
        return [plain(locked), plain(await User.findByPk(8, { transaction }))];
      }),
    rolledBack: async () => {
      const transaction = await db.transaction({ isolationLevel: Transaction.ISOLATION_LEVELS.REPEATABLE_READ });
      await Post.update({ views: 0 }, { where: {}, transaction });
      const inside = await Post.count({ where: { views: 0 }, transaction });
      await transaction.rollback();
      return [inside, await Post.count({ where: { views: 0 } })];
    },
  });
}
