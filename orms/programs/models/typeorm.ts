import { EntitySchema } from "typeorm";

export interface User {
  id: number;
  email: string;
  name: string;
  role: "admin" | "editor" | "member";
  active: boolean;
  age: number | null;
  balance: string;
  score: number;
  settings: { theme: string; notify: boolean; level: number };
  interests: string[];
  birthday: string | null;
  createdAt: Date;
  deletedAt: Date | null;
  managerId: number | null;
  manager: User | null;
  team: User[];
  profile: Profile | null;
  posts: Post[];
  orders: Order[];
}
export interface Profile {
  userId: number;
  bio: string | null;
  website: string | null;
  avatar: Buffer | null;
  user: User;
}
export interface Post {
  id: number;
  title: string;
  slug: string;
  body: string;
  published: boolean;
  views: string;
  rating: number | null;
  publishedAt: Date | null;
  createdAt: Date;
  authorId: number;
  author: User;
  comments: Comment[];
  tags: Tag[];
}
export interface Comment {
  id: string;
  body: string;
  likes: number;
  createdAt: Date;
  postId: number;
  post: Post;
  user: User | null;
}
export interface Tag {
  id: number;
  name: string;
  color: string | null;
  posts: Post[];
}
export interface Order {
  id: string;
  userId: number;
  status: "pending" | "paid" | "shipped" | "cancelled";
  total: string;
  discount: string | null;
  currency: string;
  details: object | null;
  note: object | null;
  quantities: number[];
  placedAt: Date;
  shippedOn: string | null;
  user: User;
  items: OrderItem[];
}
export interface OrderItem {
  orderId: string;
  line: number;
  product: string;
  quantity: number;
  price: string;
  order: Order;
}

export const UserEntity = new EntitySchema<User>({
  name: "User",
  tableName: "users",
  columns: {
    id: { type: "integer", primary: true, generated: "increment" },
    email: { type: "varchar", length: 255, unique: true },
    name: { type: "text" },
    role: { type: "enum", enum: ["admin", "editor", "member"], enumName: "user_role", default: "member" },
    active: { type: "boolean", default: true },
    age: { type: "smallint", nullable: true },
    balance: { type: "numeric", precision: 12, scale: 2, default: 0 },
    score: { type: "double precision", default: 0 },
    settings: { type: "jsonb", default: {} },
    interests: { type: "text", array: true, default: "{}" },
    birthday: { type: "date", nullable: true },
    createdAt: { name: "created_at", type: "timestamptz", default: () => "now()" },
    deletedAt: { name: "deleted_at", type: "timestamptz", nullable: true, deleteDate: true },
    managerId: { name: "manager_id", type: "integer", nullable: true },
  },
  relations: {
    manager: { type: "many-to-one", target: "User", inverseSide: "team", joinColumn: { name: "manager_id" } },
    team: { type: "one-to-many", target: "User", inverseSide: "manager" },
    profile: { type: "one-to-one", target: "Profile", inverseSide: "user" },
    posts: { type: "one-to-many", target: "Post", inverseSide: "author" },
    orders: { type: "one-to-many", target: "Order", inverseSide: "user" },
  },
});

export const ProfileEntity = new EntitySchema<Profile>({
  name: "Profile",
  tableName: "profiles",
  columns: {
    userId: { name: "user_id", type: "integer", primary: true },
    bio: { type: "text", nullable: true },
    website: { type: "varchar", length: 200, nullable: true },
    avatar: { type: "bytea", nullable: true },
  },
  relations: { user: { type: "one-to-one", target: "User", inverseSide: "profile", joinColumn: { name: "user_id" } } },
});

export const PostEntity = new EntitySchema<Post>({
  name: "Post",
  tableName: "posts",
  columns: {
    id: { type: "integer", primary: true, generated: "increment" },
    title: { type: "varchar", length: 200 },
    slug: { type: "text", unique: true },
    body: { type: "text" },
    published: { type: "boolean", default: false },
    views: { type: "bigint", default: 0 },
    rating: { type: "real", nullable: true },
    publishedAt: { name: "published_at", type: "timestamptz", nullable: true },
    createdAt: { name: "created_at", type: "timestamp", default: () => "now()" },
    authorId: { name: "author_id", type: "integer" },
  },
  relations: {
    author: { type: "many-to-one", target: "User", inverseSide: "posts", joinColumn: { name: "author_id" } },
    comments: { type: "one-to-many", target: "Comment", inverseSide: "post" },
    tags: {
      type: "many-to-many",
      target: "Tag",
      inverseSide: "posts",
      joinTable: { name: "post_tags", joinColumn: { name: "post_id" }, inverseJoinColumn: { name: "tag_id" } },
    },
  },
});

export const CommentEntity = new EntitySchema<Comment>({
  name: "Comment",
  tableName: "comments",
  columns: {
    id: { type: "bigint", primary: true, generated: "increment" },
    body: { type: "text" },
    likes: { type: "integer", default: 0 },
    createdAt: { name: "created_at", type: "timestamptz", default: () => "now()" },
    postId: { name: "post_id", type: "integer" },
  },
  relations: {
    post: { type: "many-to-one", target: "Post", inverseSide: "comments", joinColumn: { name: "post_id" } },
    user: { type: "many-to-one", target: "User", joinColumn: { name: "user_id" }, nullable: true },
  },
});

export const TagEntity = new EntitySchema<Tag>({
  name: "Tag",
  tableName: "tags",
  columns: {
    id: { type: "integer", primary: true, generated: "increment" },
    name: { type: "text", unique: true },
    color: { type: "char", length: 7, nullable: true },
  },
  relations: { posts: { type: "many-to-many", target: "Post", inverseSide: "tags" } },
});

export const OrderEntity = new EntitySchema<Order>({
  name: "Order",
  tableName: "orders",
  columns: {
    id: { type: "uuid", primary: true },
    userId: { name: "user_id", type: "integer" },
    status: {
      type: "enum",
      enum: ["pending", "paid", "shipped", "cancelled"],
      enumName: "order_status",
      default: "pending",
    },
    total: { type: "numeric", precision: 12, scale: 2 },
    discount: { type: "numeric", nullable: true },
    currency: { type: "char", length: 3, default: "EUR" },
    details: { type: "jsonb", nullable: true },
    note: { type: "json", nullable: true },
    quantities: { type: "integer", array: true, default: "{}" },
    placedAt: { name: "placed_at", type: "timestamptz" },
    shippedOn: { name: "shipped_on", type: "date", nullable: true },
  },
  relations: {
    user: { type: "many-to-one", target: "User", inverseSide: "orders", joinColumn: { name: "user_id" } },
    items: { type: "one-to-many", target: "OrderItem", inverseSide: "order" },
  },
});

export const OrderItemEntity = new EntitySchema<OrderItem>({
  name: "OrderItem",
  tableName: "order_items",
  columns: {
    orderId: { name: "order_id", type: "uuid", primary: true },
    line: { type: "smallint", primary: true },
    product: { type: "text" },
    quantity: { type: "integer" },
    price: { type: "numeric", precision: 10, scale: 2 },
  },
  relations: {
    order: { type: "many-to-one", target: "Order", inverseSide: "items", joinColumn: { name: "order_id" } },
  },
});
