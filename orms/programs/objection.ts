import knex from "knex";
import { Model, type RelationMappings, raw, ref } from "objection";
import type pg from "pg";
import type { Actions, Program } from "../program.ts";

class User extends Model {
  static override tableName = "users";
  declare id: number;
  declare email: string;
  declare name: string;
  declare role: string;
  declare active: boolean;
  declare balance: string;
  static override get relationMappings(): RelationMappings {
    return {
      profile: {
        relation: Model.HasOneRelation,
        modelClass: Profile,
        join: { from: "users.id", to: "profiles.user_id" },
      },
      posts: { relation: Model.HasManyRelation, modelClass: Post, join: { from: "users.id", to: "posts.author_id" } },
      orders: { relation: Model.HasManyRelation, modelClass: Order, join: { from: "users.id", to: "orders.user_id" } },
      manager: {
        relation: Model.BelongsToOneRelation,
        modelClass: User,
        join: { from: "users.manager_id", to: "users.id" },
      },
      team: { relation: Model.HasManyRelation, modelClass: User, join: { from: "users.id", to: "users.manager_id" } },
    };
  }
}

class Profile extends Model {
  static override tableName = "profiles";
  static override idColumn = "user_id";
}

class Post extends Model {
  static override tableName = "posts";
  declare id: number;
  declare title: string;
  static override modifiers = {
    published: (query: ReturnType<typeof Post.query>) => void query.where("published", true),
    short: (query: ReturnType<typeof Post.query>) => void query.select("posts.id", "posts.title", "posts.author_id"),
    ordered: (query: ReturnType<typeof Post.query>) => void query.orderBy("posts.id"),
  };
  static override get relationMappings(): RelationMappings {
    return {
      author: {
        relation: Model.BelongsToOneRelation,
        modelClass: User,
        join: { from: "posts.author_id", to: "users.id" },
      },
      comments: {
        relation: Model.HasManyRelation,
        modelClass: Comment,
        join: { from: "posts.id", to: "comments.post_id" },
      },
      tags: {
        relation: Model.ManyToManyRelation,
        modelClass: Tag,
        join: { from: "posts.id", through: { from: "post_tags.post_id", to: "post_tags.tag_id" }, to: "tags.id" },
      },
    };
  }
}

class Comment extends Model {
  static override tableName = "comments";
  static override get relationMappings(): RelationMappings {
    return {
      post: {
        relation: Model.BelongsToOneRelation,
        modelClass: Post,
        join: { from: "comments.post_id", to: "posts.id" },
      },
      user: {
        relation: Model.BelongsToOneRelation,
        modelClass: User,
        join: { from: "comments.user_id", to: "users.id" },
      },
    };
  }
}

class Tag extends Model {
  static override tableName = "tags";
  declare id: number;
  declare name: string;
  declare color: string;
  static override get relationMappings(): RelationMappings {
    return {
      posts: {
        relation: Model.ManyToManyRelation,
        modelClass: Post,
        join: { from: "tags.id", through: { from: "post_tags.tag_id", to: "post_tags.post_id" }, to: "posts.id" },
      },
    };
  }
}

class Order extends Model {
  static override tableName = "orders";
  static override get relationMappings(): RelationMappings {
    return {
      user: {
        relation: Model.BelongsToOneRelation,
        modelClass: User,
        join: { from: "orders.user_id", to: "users.id" },
      },
      items: {
        relation: Model.HasManyRelation,
        modelClass: OrderItem,
        join: { from: "orders.id", to: "order_items.order_id" },
      },
    };
  }
}

class OrderItem extends Model {
  static override tableName = "order_items";
  static override idColumn = ["order_id", "line"];
}

/** Not the clock: two runs are compared. */
const WRITTEN = new Date("2024-09-01T00:00:00Z");

export const program: Program = {
  name: "objection",
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
    const models = bind(db);
    return {
      reads: { ...finds(models), ...filters(models), ...eager(models), ...joined(models), ...related(models) },
      writes: writes(models),
      findFirst: async () => models.User.query().findById(42),
      close: () => db.destroy(),
    };
  },
};

/** Models of their own for this connection. */
function bind(db: knex.Knex) {
  return {
    User: User.bindKnex(db),
    Post: Post.bindKnex(db),
    Comment: Comment.bindKnex(db),
    Tag: Tag.bindKnex(db),
    Order: Order.bindKnex(db),
    OrderItem: OrderItem.bindKnex(db),
  };
}
type Models = ReturnType<typeof bind>;

function actions(builders: Readonly<Record<string, () => PromiseLike<unknown>>>): Actions {
  return Object.fromEntries(Object.entries(builders).map(([name, build]) => [name, async () => await build()]));
}

function finds({ User, Post, Order, OrderItem }: Models): Actions {
  return actions({
    all: () => User.query().orderBy("id"),
    byId: () => Post.query().findById(30),
    byIds: () => User.query().findByIds([1, 2, 3]).orderBy("id"),
    byCompositeId: () => OrderItem.query().findById(["99a233e6-7156-812c-9681-c22c78e91aaa", 1]),
    one: () => User.query().findOne({ email: "ada8@mail.test" }),
    first: () => Post.query().where("published", true).orderBy("id").first(),
    columns: () => User.query().select("id", "name as label").orderBy("id", "desc"),
    page: () => Post.query().orderBy("created_at", "desc").orderBy("id").page(2, 10),
    range: () => Post.query().where("published", true).orderBy("id").range(5, 9),
    resultSize: () => User.query().where("active", true).resultSize(),
    count: () => User.query().count("* as n").first(),
    groupBy: () =>
      Order.query().select("status").count("* as n").sum("total as total").groupBy("status").orderBy("status"),
    having: () => Order.query().select("user_id").groupBy("user_id").having(raw("count(*)"), ">", 3).orderBy("user_id"),
    distinct: () => Order.query().distinct("currency").orderBy("currency"),
    rawSelect: () =>
      User.query()
        .select("id", raw("coalesce(age, ?)", [0]).as("age"), raw("upper(name)").as("upper"))
        .orderBy("id"),
    modified: () => Post.query().modify("published").modify("short").orderBy("id"),
    throwIfNotFound: () => Order.query().findById("99a233e6-7156-812c-9681-c22c78e91aaa").throwIfNotFound(),
    missing: () => Order.query().findById("00000000-0000-0000-0000-000000000000"),
  });
}

function filters({ User, Post, Order, OrderItem }: Models): Actions {
  const base = () => User.query().select("id", "name").orderBy("id");
  return actions({
    object: () => base().where({ role: "admin", active: true }),
    operator: () => base().where("age", ">", 50),
    in: () => base().whereIn("id", [1, 2, 3]),
    notIn: () => base().whereNotIn("role", ["admin", "editor"]),
    inComposite: () =>
      OrderItem.query()
        .whereInComposite(
          ["order_id", "line"],
          [
            ["99a233e6-7156-812c-9681-c22c78e91aaa", 1],
            ["99a233e6-7156-812c-9681-c22c78e91aaa", 2],
          ],
        )
        .orderBy("line"),
    null: () => base().whereNull("deleted_at"),
    notNull: () => base().whereNotNull("age"),
    between: () => base().whereBetween("age", [20, 30]),
    like: () => base().where("name", "like", "%Smith"),
    ilike: () => base().where("name", "ilike", "ada%"),
    nested: () =>
      base()
        .where("active", true)
        .where((where) => void where.where("age", "<", 25).orWhereNull("age")),
    not: () => base().whereNot("role", "member"),
    columns: () => Post.query().select("id").whereColumn("created_at", "<", "published_at").orderBy("id"),
    json: () => base().where(ref("settings:theme").castText(), "dark"),
    jsonCast: () => base().where(ref("settings:level").castInt(), ">", 2),
    jsonSuperset: () => base().whereJsonSupersetOf("settings", { notify: true }),
    exists: () => base().whereExists(User.relatedQuery("posts").where("published", true)),
    notExists: () => base().whereNotExists(User.relatedQuery("orders")),
    inSubquery: () => base().whereIn("id", Order.query().select("user_id").where("total", ">", 900)),
    relatedCount: () =>
      User.query().select("id", User.relatedQuery("posts").count().as("posts")).orderBy("id").limit(10),
    comparedToSubquery: () => base().where("age", ">", User.query().avg("age")),
    with: () =>
      User.query()
        .with("big", Order.query().where("total", ">", 500))
        .whereIn("id", (query) => void query.select("user_id").from("big"))
        .select("id")
        .orderBy("id"),
  });
}

/** Relations by a second query with IN. */
function eager({ User, Post, Order }: Models): Actions {
  return actions({
    one: () => Post.query().findById(30).withGraphFetched("author"),
    hasOne: () => User.query().withGraphFetched("profile").orderBy("id"),
    many: () => User.query().withGraphFetched("posts(ordered)").orderBy("id").limit(10),
    manyToMany: () =>
      Post.query()
        .withGraphFetched("tags")
        .where("id", "<", 10)
        .orderBy("id")
        .modifyGraph("tags", (query) => void query.orderBy("name")),
    nested: () =>
      Post.query()
        .where("id", "<", 12)
        .orderBy("id")
        .withGraphFetched("[author.profile, comments.user, tags]")
        .modifyGraph("comments", (query) => void query.orderBy("id"))
        .modifyGraph("tags", (query) => void query.orderBy("name")),
    filtered: () => User.query().findById(12).withGraphFetched("posts(published, ordered)"),
    selected: () =>
      User.query().select("id", "name").where("id", "<", 6).orderBy("id").withGraphFetched("posts(short, ordered)"),
    tree: () =>
      User.query()
        .findById(2)
        .withGraphFetched("[manager, team]")
        .modifyGraph("team", (query) => void query.orderBy("users.id")),
    orders: () =>
      Order.query()
        .where("status", "paid")
        .orderBy("id")
        .limit(6)
        .withGraphFetched("[items, user]")
        .modifyGraph("items", (query) => void query.orderBy("line")),
  });
}

function joined({ User, Post, Comment, Order }: Models): Actions {
  return actions({
    one: () => Post.query().withGraphJoined("author").where("posts.id", 30),
    many: () => User.query().withGraphJoined("posts").where("users.id", "<", 8).orderBy(["users.id", "posts.id"]),
    manyToMany: () => Post.query().withGraphJoined("tags").where("tags.name", "sql").orderBy("posts.id"),
    nested: () =>
      Post.query()
        .withGraphJoined("[author.profile, comments]")
        .where("posts.id", "<", 6)
        .orderBy(["posts.id", "comments.id"]),
    inner: () =>
      Order.query()
        .withGraphJoined("items", { joinOperation: "innerJoin" })
        .where("orders.status", "paid")
        .orderBy(["orders.id", "items.line"]),
    joinRelated: () =>
      Post.query()
        .joinRelated("author")
        .select("posts.id", "author.name")
        .where("author.role", "admin")
        .orderBy("posts.id"),
    leftJoinRelated: () =>
      User.query().leftJoinRelated("profile").select("users.id", "profile.bio").orderBy("users.id"),
    joinRelatedMany: () =>
      Post.query()
        .joinRelated("tags")
        .select("posts.id")
        .where("tags.name", "in", ["sql", "café"])
        .groupBy("posts.id")
        .orderBy("posts.id"),
    joinCount: () =>
      User.query()
        .joinRelated("orders")
        .select("users.id")
        .count("orders.id as n")
        .sum("orders.total as spent")
        .groupBy("users.id")
        .having(raw("sum(orders.total)"), ">", 1500)
        .orderBy("users.id"),
    plainJoin: () =>
      Comment.query()
        .join("posts", "posts.id", "comments.post_id")
        .select("comments.id", "posts.title")
        .where("comments.likes", ">", 25)
        .orderBy("comments.id"),
  });
}

function related({ User, Post }: Models): Actions {
  return actions({
    query: async () => (await User.query().findById(12).throwIfNotFound()).$relatedQuery("posts").orderBy("id"),
    manyToMany: async () => (await Post.query().findById(5).throwIfNotFound()).$relatedQuery("tags").orderBy("name"),
    static: () => User.relatedQuery("orders").for([1, 2, 12]).orderBy("id"),
    staticSubquery: () =>
      User.relatedQuery("posts").for(User.query().where("role", "admin").select("id")).orderBy("id"),
    fetch: async () => (await User.query().findById(3).throwIfNotFound()).$fetchGraph("profile"),
    resultSize: async () => (await User.query().findById(12).throwIfNotFound()).$relatedQuery("posts").resultSize(),
  });
}

function writes({ User, Post, Comment, Tag }: Models): Actions {
  return actions({
    insert: () => Tag.query().insertAndFetch({ name: "new", color: "#ffffff" }),
    insertGraph: () =>
      User.query().insertGraph({
        email: "graph@example.com",
        name: "Graph",
        created_at: WRITTEN,
        posts: [{ title: "In a graph", slug: "graph", body: "…", created_at: WRITTEN }],
      } as object),
    update: () => User.query().findById(7).patch({ active: false }),
    patchAndFetch: () => User.query().patchAndFetchById(7, { balance: "12.50" }),
    upsert: () => Tag.query().insert({ name: "sql", color: "#000000" }).onConflict("name").merge().returning("*"),
    relate: () => Post.relatedQuery("tags").for(240).relate(3),
    unrelate: () => Post.relatedQuery("tags").for(5).unrelate().where("tags.id", 3),
    delete: () => Comment.query().delete().where("post_id", 9).returning("id"),
    transaction: () =>
      User.transaction(async (tx) => {
        const locked = await User.query(tx).findById(8).forUpdate();
        await User.query(tx).findById(8).patch({ balance: "1.50" });
        return [locked, await User.query(tx).findById(8).select("balance")];
      }),
  });
}
