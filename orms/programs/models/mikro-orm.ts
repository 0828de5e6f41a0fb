import { type Collection, EntitySchema, type Opt } from "@mikro-orm/core";

export interface User {
  id: number;
  email: string;
  name: string;
  role: Opt<"admin" | "editor" | "member">;
  active: Opt<boolean>;
  age: number | null;
  balance: Opt<string>;
  score: Opt<number>;
  settings: Opt<{ theme: string; notify: boolean; level: number }>;
  interests: Opt<string[]>;
  birthday: string | null;
  createdAt: Opt<Date>;
  deletedAt: Date | null;
  manager: User | null;
  team: Collection<User>;
  profile: Profile | null;
  posts: Collection<Post>;
  orders: Collection<Order>;
}
export interface Profile {
  user: User;
  bio: string | null;
  website: string | null;
  avatar: Buffer | null;
}
export interface Post {
  id: number;
  author: User;
  title: string;
  slug: string;
  body: string;
  published: Opt<boolean>;
  views: Opt<string>;
  rating: number | null;
  publishedAt: Date | null;
  createdAt: Opt<Date>;
  comments: Collection<Comment>;
  tags: Collection<Tag>;
}
export interface Comment {
  id: string;
  post: Post;
  user: User | null;
  body: string;
  likes: Opt<number>;
  createdAt: Opt<Date>;
}
export interface Tag {
  id: number;
  name: string;
  color: string | null;
  posts: Collection<Post>;
}
export interface Order {
  id: string;
  user: User;
  status: Opt<"pending" | "paid" | "shipped" | "cancelled">;
  total: string;
  discount: string | null;
  currency: Opt<string>;
  details: object | null;
  note: object | null;
  quantities: Opt<number[]>;
  placedAt: Date;
  shippedOn: string | null;
  items: Collection<OrderItem>;
}
export interface OrderItem {
  order: Order;
  line: number;
  product: string;
  quantity: number;
  price: string;
}

const id = { type: "integer", primary: true, autoincrement: true } as const;

export const UserSchema: EntitySchema<User> = new EntitySchema<User>({
  name: "User",
  tableName: "users",
  properties: {
    id,
    email: { type: "string", length: 255 },
    name: { type: "text" },
    role: { enum: true, items: ["admin", "editor", "member"], default: "member" },
    active: { type: "boolean", default: true },
    age: { type: "smallint", nullable: true },
    balance: { type: "decimal", precision: 12, scale: 2, default: "0" },
    score: { type: "double", default: 0 },
    settings: { type: "json", defaultRaw: "'{}'" },
    interests: { type: "string[]", default: [] },
    birthday: { type: "date", nullable: true },
    createdAt: { type: "datetime", defaultRaw: "now()" },
    deletedAt: { type: "datetime", nullable: true },
    manager: { kind: "m:1", entity: () => UserSchema, nullable: true },
    team: { kind: "1:m", entity: () => UserSchema, mappedBy: "manager" },
    profile: { kind: "1:1", entity: () => ProfileSchema, mappedBy: "user", nullable: true },
    posts: { kind: "1:m", entity: () => PostSchema, mappedBy: "author" },
    orders: { kind: "1:m", entity: () => OrderSchema, mappedBy: "user" },
  },
});

export const ProfileSchema: EntitySchema<Profile> = new EntitySchema<Profile>({
  name: "Profile",
  tableName: "profiles",
  properties: {
    user: { kind: "1:1", entity: () => UserSchema, primary: true, owner: true, inversedBy: "profile" },
    bio: { type: "text", nullable: true },
    website: { type: "string", length: 200, nullable: true },
    avatar: { type: "blob", nullable: true },
  },
});

export const PostSchema: EntitySchema<Post> = new EntitySchema<Post>({
  name: "Post",
  tableName: "posts",
  properties: {
    id,
    author: { kind: "m:1", entity: () => UserSchema, inversedBy: "posts" },
    title: { type: "string", length: 200 },
    slug: { type: "text" },
    body: { type: "text" },
    published: { type: "boolean", default: false },
    views: { type: "bigint", runtimeType: "string", default: 0 },
    rating: { type: "float", columnType: "real", nullable: true },
    publishedAt: { type: "datetime", nullable: true },
    createdAt: { type: "datetime", columnType: "timestamp", defaultRaw: "now()" },
    comments: { kind: "1:m", entity: () => CommentSchema, mappedBy: "post" },
    tags: {
      kind: "m:n",
      entity: () => TagSchema,
      pivotTable: "post_tags",
      joinColumn: "post_id",
      inverseJoinColumn: "tag_id",
      inversedBy: "posts",
    },
  },
});

export const CommentSchema: EntitySchema<Comment> = new EntitySchema<Comment>({
  name: "Comment",
  tableName: "comments",
  properties: {
    id: { type: "bigint", runtimeType: "string", primary: true, autoincrement: true },
    post: { kind: "m:1", entity: () => PostSchema, inversedBy: "comments" },
    user: { kind: "m:1", entity: () => UserSchema, nullable: true },
    body: { type: "text" },
    likes: { type: "integer", default: 0 },
    createdAt: { type: "datetime", defaultRaw: "now()" },
  },
});

export const TagSchema: EntitySchema<Tag> = new EntitySchema<Tag>({
  name: "Tag",
  tableName: "tags",
  properties: {
    id,
    name: { type: "text", unique: true },
    color: { type: "string", columnType: "char(7)", nullable: true },
    posts: { kind: "m:n", entity: () => PostSchema, mappedBy: "tags" },
  },
});

export const OrderSchema: EntitySchema<Order> = new EntitySchema<Order>({
  name: "Order",
  tableName: "orders",
  properties: {
    id: { type: "uuid", primary: true },
    user: { kind: "m:1", entity: () => UserSchema, inversedBy: "orders" },
    status: { enum: true, items: ["pending", "paid", "shipped", "cancelled"], default: "pending" },
    total: { type: "decimal", precision: 12, scale: 2 },
    discount: { type: "decimal", nullable: true },
    currency: { type: "string", columnType: "char(3)", default: "EUR" },
    details: { type: "json", nullable: true },
    note: { type: "json", columnType: "json", nullable: true },
    quantities: { type: "integer[]", default: [] },
    placedAt: { type: "datetime" },
    shippedOn: { type: "date", nullable: true },
    items: { kind: "1:m", entity: () => OrderItemSchema, mappedBy: "order" },
  },
});

export const OrderItemSchema: EntitySchema<OrderItem> = new EntitySchema<OrderItem>({
  name: "OrderItem",
  tableName: "order_items",
  properties: {
    order: { kind: "m:1", entity: () => OrderSchema, primary: true, inversedBy: "items" },
    line: { type: "smallint", primary: true },
    product: { type: "text" },
    quantity: { type: "integer" },
    price: { type: "decimal", precision: 10, scale: 2 },
  },
});
