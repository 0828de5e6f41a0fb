import type { Generated, JSONColumnType } from "kysely";

export interface Schema {
  users: {
    id: Generated<number>;
    email: string;
    name: string;
    role: "admin" | "editor" | "member";
    active: boolean;
    age: number | null;
    balance: string;
    score: number;
    settings: JSONColumnType<{ theme: string; notify: boolean; level: number }>;
    interests: string[];
    birthday: Date | null;
    manager_id: number | null;
    created_at: Date;
    deleted_at: Date | null;
  };
  profiles: { user_id: number; bio: string | null; website: string | null; avatar: Buffer | null };
  posts: {
    id: Generated<number>;
    author_id: number;
    title: string;
    slug: string;
    body: string;
    published: boolean;
    views: string;
    rating: number | null;
    published_at: Date | null;
    created_at: Date;
  };
  comments: {
    id: Generated<string>;
    post_id: number;
    user_id: number | null;
    body: string;
    likes: Generated<number>;
    created_at: Generated<Date>;
  };
  tags: { id: Generated<number>; name: string; color: string | null };
  post_tags: { post_id: number; tag_id: number };
  orders: {
    id: string;
    user_id: number;
    status: "pending" | "paid" | "shipped" | "cancelled";
    total: string;
    discount: string | null;
    currency: string;
    details: JSONColumnType<{ address: { city: string } }> | null;
    note: unknown;
    quantities: number[];
    placed_at: Date;
    shipped_on: Date | null;
  };
  order_items: { order_id: string; line: number; product: string; quantity: number; price: string };
}
