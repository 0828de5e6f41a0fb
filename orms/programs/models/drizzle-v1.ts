import { defineRelations } from "drizzle-orm-v1";
import {
  bigint,
  boolean,
  char,
  customType,
  date,
  doublePrecision,
  integer,
  json,
  jsonb,
  numeric,
  pgEnum,
  pgTable,
  primaryKey,
  real,
  smallint,
  text,
  timestamp,
  uuid,
  varchar,
} from "drizzle-orm-v1/pg-core";

const bytea = customType<{ data: Buffer }>({ dataType: () => "bytea" });

export const userRole = pgEnum("user_role", ["admin", "editor", "member"]);
export const orderStatus = pgEnum("order_status", ["pending", "paid", "shipped", "cancelled"]);

export const users = pgTable("users", {
  id: integer().primaryKey().generatedByDefaultAsIdentity(),
  email: varchar({ length: 255 }).notNull().unique(),
  name: text().notNull(),
  role: userRole().notNull().default("member"),
  active: boolean().notNull().default(true),
  age: smallint(),
  balance: numeric({ precision: 12, scale: 2 }).notNull().default("0"),
  score: doublePrecision().notNull().default(0),
  settings: jsonb().$type<{ theme: string; notify: boolean; level: number }>().notNull(),
  interests: text().array().notNull().default([]),
  birthday: date(),
  managerId: integer("manager_id"),
  createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
  deletedAt: timestamp("deleted_at", { withTimezone: true, mode: "string" }),
});

export const profiles = pgTable("profiles", {
  userId: integer("user_id")
    .primaryKey()
    .references(() => users.id),
  bio: text(),
  website: varchar({ length: 200 }),
  avatar: bytea(),
});

export const posts = pgTable("posts", {
  id: integer().primaryKey().generatedByDefaultAsIdentity(),
  authorId: integer("author_id")
    .notNull()
    .references(() => users.id),
  title: varchar({ length: 200 }).notNull(),
  slug: text().notNull().unique(),
  body: text().notNull(),
  published: boolean().notNull().default(false),
  views: bigint({ mode: "bigint" }).notNull().default(0n),
  rating: real(),
  publishedAt: timestamp("published_at", { withTimezone: true }),
  createdAt: timestamp("created_at").notNull().defaultNow(),
});

export const comments = pgTable("comments", {
  id: bigint({ mode: "number" }).primaryKey().generatedByDefaultAsIdentity(),
  postId: integer("post_id")
    .notNull()
    .references(() => posts.id),
  userId: integer("user_id").references(() => users.id),
  body: text().notNull(),
  likes: integer().notNull().default(0),
  createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
});

export const tags = pgTable("tags", {
  id: integer().primaryKey().generatedByDefaultAsIdentity(),
  name: text().notNull().unique(),
  color: char({ length: 7 }),
});

export const postTags = pgTable(
  "post_tags",
  {
    postId: integer("post_id")
      .notNull()
      .references(() => posts.id),
    tagId: integer("tag_id")
      .notNull()
      .references(() => tags.id),
  },
  (table) => [primaryKey({ columns: [table.postId, table.tagId] })],
);

export const orders = pgTable("orders", {
  id: uuid().primaryKey(),
  userId: integer("user_id")
    .notNull()
    .references(() => users.id),
  status: orderStatus().notNull().default("pending"),
  total: numeric({ precision: 12, scale: 2, mode: "number" }).notNull(),
  discount: numeric(),
  currency: char({ length: 3 }).notNull().default("EUR"),
  details: jsonb(),
  note: json(),
  quantities: integer().array().notNull().default([]),
  placedAt: timestamp("placed_at", { withTimezone: true }).notNull(),
  shippedOn: date("shipped_on", { mode: "date" }),
});

export const orderItems = pgTable(
  "order_items",
  {
    orderId: uuid("order_id")
      .notNull()
      .references(() => orders.id),
    line: smallint().notNull(),
    product: text().notNull(),
    quantity: integer().notNull(),
    price: numeric({ precision: 10, scale: 2 }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.orderId, table.line] })],
);

const tables = { users, profiles, posts, comments, tags, postTags, orders, orderItems };

export const relations = defineRelations(tables, (r) => ({
  users: {
    profile: r.one.profiles({ from: r.users.id, to: r.profiles.userId }),
    manager: r.one.users({ from: r.users.managerId, to: r.users.id, alias: "team" }),
    team: r.many.users({ from: r.users.id, to: r.users.managerId, alias: "team" }),
    posts: r.many.posts(),
    orders: r.many.orders(),
  },
  posts: {
    author: r.one.users({ from: r.posts.authorId, to: r.users.id }),
    comments: r.many.comments(),
    tags: r.many.tags({ from: r.posts.id.through(r.postTags.postId), to: r.tags.id.through(r.postTags.tagId) }),
  },
  comments: {
    post: r.one.posts({ from: r.comments.postId, to: r.posts.id }),
    user: r.one.users({ from: r.comments.userId, to: r.users.id }),
  },
  tags: { posts: r.many.posts() },
  orders: {
    user: r.one.users({ from: r.orders.userId, to: r.users.id }),
    items: r.many.orderItems(),
  },
  orderItems: { order: r.one.orders({ from: r.orderItems.orderId, to: r.orders.id }) },
}));
