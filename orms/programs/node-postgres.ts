import pg from "pg";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import type { Actions, Program } from "../program.ts";

/** SQL as people write it by hand, with `$1` and without. */
const READS: Readonly<Record<string, readonly [text: string, values?: readonly unknown[]]>> = {
  userById: ["SELECT * FROM users WHERE id = $1", [7]],
  userByEmail: ["SELECT id, email, name FROM users WHERE email = $1", ["ada8@mail.test"]],
  userByEmailIgnoringCase: ["SELECT id, name FROM users WHERE lower(email) = lower($1)", ["ADA8@mail.test"]],
  usersByIds: ["SELECT id, name FROM users WHERE id = ANY($1) ORDER BY id", [[3, 1, 77, 500]]],
  usersByIdList: ["SELECT id, name FROM users WHERE id IN ($1, $2, $3) ORDER BY id", [3, 1, 77]],
  usersNotIn: ["SELECT id FROM users WHERE id NOT IN (1, 2, 3) ORDER BY id LIMIT 5"],
  activeUsers: ["SELECT id, name, role FROM users WHERE active ORDER BY id"],
  activeUsersPage: [
    "SELECT id, name FROM users WHERE active = true ORDER BY created_at DESC LIMIT $1 OFFSET $2",
    [10, 20],
  ],
  usersAfter: [
    "SELECT id, created_at FROM users WHERE (created_at, id) > ($1, $2) ORDER BY created_at, id LIMIT 10",
    [new Date("2023-03-01T00:00:00Z"), 20],
  ],
  usersByRole: ["SELECT id, role FROM users WHERE role = $1 AND deleted_at IS NULL ORDER BY id", ["editor"]],
  usersByRoles: ["SELECT id, role FROM users WHERE role IN ('admin', 'editor') ORDER BY role, id"],
  usersLike: ["SELECT id, name FROM users WHERE name LIKE $1 ORDER BY name, id", ["%Brien%"]],
  usersIlike: ["SELECT id, name FROM users WHERE name ILIKE $1 ORDER BY id", ["%SMITH%"]],
  usersStartingWith: ["SELECT id, email FROM users WHERE starts_with(email, 'ada') ORDER BY id"],
  usersMatching: ["SELECT id FROM users WHERE email ~* '^(ada|bob)[0-9]+@' ORDER BY id"],
  usersBetweenAges: ["SELECT id, age FROM users WHERE age BETWEEN $1 AND $2 ORDER BY age, id", [30, 40]],
  usersWithoutAge: ["SELECT id FROM users WHERE age IS NULL ORDER BY id"],
  usersOrdered: ["SELECT id, age FROM users ORDER BY age DESC NULLS LAST, id"],
  usersCreatedIn: [
    "SELECT id FROM users WHERE created_at >= $1 AND created_at < $2 ORDER BY id",
    ["2023-03-01", "2023-04-01"],
  ],
  usersByBirthYear: [
    "SELECT extract(year FROM birthday) AS year, count(*) FROM users WHERE birthday IS NOT NULL GROUP BY 1 ORDER BY 1",
  ],
  userNames: [
    "SELECT upper(name) AS name, length(email) AS n, split_part(email, '@', 2) AS domain FROM users ORDER BY id",
  ],
  userLabels: [
    "SELECT name || ' <' || email || '>' AS label, concat(role, ':', active) AS flags FROM users ORDER BY id LIMIT 10",
  ],
  userAgeClass: [
    "SELECT id, CASE WHEN age < 30 THEN 'young' WHEN age < 60 THEN 'middle' ELSE 'other' END AS class, coalesce(age, 0) AS age FROM users ORDER BY id",
  ],
  userSettings: [
    "SELECT id, settings->>'theme' AS theme, (settings->>'level')::int AS level FROM users WHERE settings->>'theme' = $1 ORDER BY id",
    ["dark"],
  ],
  userSettingsContain: ["SELECT id FROM users WHERE settings @> $1 ORDER BY id", [{ notify: true }]],
  usersInterested: ["SELECT id, interests FROM users WHERE $1 = ANY(interests) ORDER BY id", ["sql"]],
  usersInterestedInAll: ["SELECT id FROM users WHERE interests @> $1 ORDER BY id", [["sql", "type script"]]],
  countUsers: ["SELECT count(*) FROM users"],
  countActive: ["SELECT count(*)::int AS n FROM users WHERE active AND deleted_at IS NULL"],
  countByRole: [
    "SELECT role, count(*) AS n, avg(age) AS age, sum(balance) AS balance FROM users GROUP BY role ORDER BY role",
  ],
  countFiltered: [
    "SELECT count(*) FILTER (WHERE active) AS active, count(*) FILTER (WHERE NOT active) AS inactive, count(DISTINCT role) AS roles FROM users",
  ],
  extremes: ["SELECT min(created_at), max(created_at), min(balance), max(score) FROM users"],
  emailExists: ["SELECT EXISTS (SELECT 1 FROM users WHERE email = $1) AS exists", ["nobody@example.com"]],
  one: ["SELECT 1 AS one FROM users WHERE id = $1", [1]],
  ping: ["SELECT 1"],
  userWithManager: [
    "SELECT u.id, u.name, m.name AS manager FROM users u LEFT JOIN users m ON m.id = u.manager_id ORDER BY u.id",
  ],
  usersWithProfile: [
    "SELECT u.id, u.name, p.bio, p.website FROM users u JOIN profiles p ON p.user_id = u.id WHERE u.active ORDER BY u.id",
  ],
  postsWithAuthor: [
    "SELECT p.id, p.title, u.name AS author FROM posts p INNER JOIN users u ON u.id = p.author_id WHERE p.published ORDER BY p.published_at DESC, p.id LIMIT 20",
  ],
  postsWithAuthorAll: [
    "SELECT p.*, u.name, u.email FROM posts p, users u WHERE u.id = p.author_id AND u.role = 'admin' ORDER BY p.id",
  ],
  postsUsing: ["SELECT id, title, tag_id FROM posts JOIN post_tags ON post_id = id WHERE tag_id = $1 ORDER BY id", [3]],
  postTags: ["SELECT t.* FROM tags t JOIN post_tags pt ON pt.tag_id = t.id WHERE pt.post_id = $1 ORDER BY t.name", [5]],
  postsByTagName: [
    "SELECT DISTINCT p.id, p.title FROM posts p JOIN post_tags pt ON pt.post_id = p.id JOIN tags t ON t.id = pt.tag_id WHERE t.name = ANY($1) ORDER BY p.id",
    [["sql", "café"]],
  ],
  postsWithCounts: [
    "SELECT p.id, p.title, count(c.id) AS comments, coalesce(sum(c.likes), 0) AS likes FROM posts p LEFT JOIN comments c ON c.post_id = p.id GROUP BY p.id ORDER BY comments DESC, p.id LIMIT 10",
  ],
  postsCountSubquery: [
    "SELECT p.id, (SELECT count(*) FROM comments c WHERE c.post_id = p.id) AS comments FROM posts p ORDER BY p.id LIMIT 15",
  ],
  authorsWithPosts: [
    "SELECT u.id FROM users u WHERE EXISTS (SELECT 1 FROM posts p WHERE p.author_id = u.id AND p.published) ORDER BY u.id",
  ],
  authorsWithoutPosts: [
    "SELECT u.id FROM users u WHERE NOT EXISTS (SELECT FROM posts p WHERE p.author_id = u.id) ORDER BY u.id",
  ],
  usersInSubquery: [
    "SELECT id, name FROM users WHERE id IN (SELECT user_id FROM orders WHERE total > $1) ORDER BY id",
    ["900.00"],
  ],
  antiJoin: ["SELECT u.id FROM users u LEFT JOIN orders o ON o.user_id = u.id WHERE o.id IS NULL ORDER BY u.id"],
  topSpenders: [
    "SELECT u.id, u.name, sum(o.total) AS spent FROM users u JOIN orders o ON o.user_id = u.id WHERE o.status <> 'cancelled' GROUP BY u.id, u.name HAVING sum(o.total) > $1 ORDER BY spent DESC, u.id LIMIT 10",
    [1500],
  ],
  ordersByMonth: [
    "SELECT date_trunc('month', placed_at) AS month, count(*) AS n, sum(total) AS total FROM orders GROUP BY 1 ORDER BY 1",
  ],
  ordersPerDay: ["SELECT placed_at::date AS day, count(*) FROM orders GROUP BY day ORDER BY day LIMIT 10"],
  orderById: ["SELECT * FROM orders WHERE id = $1", ["99a233e6-7156-812c-9681-c22c78e91aaa"]],
  orderWithItems: [
    "SELECT o.id, o.total, i.line, i.product, i.quantity * i.price AS amount FROM orders o JOIN order_items i ON i.order_id = o.id WHERE o.user_id = $1 ORDER BY o.placed_at, i.line",
    [12],
  ],
  orderTotals: [
    "SELECT order_id, sum(quantity * price) AS total FROM order_items GROUP BY order_id ORDER BY total DESC, order_id LIMIT 5",
  ],
  ordersShipped: [
    "SELECT id, shipped_on FROM orders WHERE shipped_on BETWEEN '2024-04-01' AND '2024-04-30' ORDER BY shipped_on, id",
  ],
  ordersJson: [
    "SELECT id, details->'address'->>'city' AS city FROM orders WHERE details->'address'->>'city' = $1 ORDER BY id",
    ["Paris"],
  ],
  ordersNet: [
    "SELECT id, total - coalesce(discount, 0) AS net, round(total * 1.19, 2) AS gross FROM orders ORDER BY id LIMIT 20",
  ],
  ordersByStatus: ["SELECT status, count(*) FROM orders GROUP BY status ORDER BY count(*) DESC, status"],
  latestOrders: ["SELECT DISTINCT ON (user_id) user_id, id, placed_at FROM orders ORDER BY user_id, placed_at DESC"],
  latestComments: [
    "SELECT * FROM (SELECT c.*, row_number() OVER (PARTITION BY post_id ORDER BY created_at DESC, id) AS n FROM comments c) s WHERE n <= 2 AND post_id <= $1 ORDER BY post_id, n",
    [10],
  ],
  runningTotals: [
    "SELECT id, placed_at, sum(total) OVER (PARTITION BY user_id ORDER BY placed_at) AS running FROM orders WHERE user_id = 12 ORDER BY placed_at",
  ],
  rankedAuthors: [
    "WITH counts AS (SELECT author_id, count(*) AS n FROM posts GROUP BY author_id) SELECT u.name, c.n, rank() OVER (ORDER BY c.n DESC) FROM counts c JOIN users u ON u.id = c.author_id ORDER BY c.n DESC, u.id",
  ],
  cte: [
    "WITH paid AS (SELECT * FROM orders WHERE status = 'paid') SELECT u.id, count(paid.id) AS n FROM users u JOIN paid ON paid.user_id = u.id GROUP BY u.id ORDER BY u.id",
  ],
  team: [
    "WITH RECURSIVE team AS (SELECT id, name, 0 AS depth FROM users WHERE id = $1 UNION ALL SELECT u.id, u.name, t.depth + 1 FROM users u JOIN team t ON u.manager_id = t.id) SELECT * FROM team ORDER BY depth, id",
    [2],
  ],
  union: ["SELECT name FROM tags UNION SELECT role::text FROM users ORDER BY 1"],
  except: ["SELECT id FROM users EXCEPT SELECT user_id FROM orders ORDER BY id"],
  distinctCurrencies: ["SELECT DISTINCT currency FROM orders ORDER BY currency"],
  postsJson: [
    "SELECT u.id, json_agg(json_build_object('id', p.id, 'title', p.title) ORDER BY p.id) AS posts FROM users u JOIN posts p ON p.author_id = u.id WHERE u.id <= 5 GROUP BY u.id ORDER BY u.id",
  ],
  tagNames: [
    "SELECT p.id, array_agg(t.name ORDER BY t.name) AS tags, string_agg(t.name, ', ' ORDER BY t.name) AS list FROM posts p JOIN post_tags pt ON pt.post_id = p.id JOIN tags t ON t.id = pt.tag_id WHERE p.id < 20 GROUP BY p.id ORDER BY p.id",
  ],
  lateral: [
    "SELECT u.id, l.id AS post, l.title FROM users u LEFT JOIN LATERAL (SELECT id, title FROM posts p WHERE p.author_id = u.id ORDER BY p.created_at DESC LIMIT 1) l ON true WHERE u.id < 10 ORDER BY u.id",
  ],
  optionalFilter: [
    "SELECT id FROM orders WHERE ($1::text IS NULL OR currency = $1) AND ($2::int IS NULL OR user_id = $2) ORDER BY placed_at LIMIT 10",
    ["EUR", null],
  ],
  avatars: ["SELECT user_id, avatar FROM profiles WHERE avatar IS NOT NULL ORDER BY user_id"],
  commentsOfPost: [
    "SELECT c.id, c.body, c.likes, c.created_at, u.name FROM comments c LEFT JOIN users u ON u.id = c.user_id WHERE c.post_id = $1 ORDER BY c.created_at, c.id",
    [50],
  ],
  similarAge: [
    "SELECT a.id, b.id AS other FROM users a JOIN users b ON a.age = b.age AND a.id < b.id ORDER BY a.id, b.id",
  ],
  signups: [
    "SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM') AS month, count(*) FROM users GROUP BY 1 ORDER BY 1",
  ],
  recent: ["SELECT count(*) FROM orders WHERE placed_at > now() - interval '7 days'"],
};

export const program: Program = {
  name: "node-postgres",
  async open({ url, attach }) {
    const pool = attach(new pg.Pool({ connectionString: url, max: 4 }));
    const reads: Record<string, () => Promise<unknown>> = {};
    for (const [name, [text, values]] of Object.entries(READS)) {
      reads[name] = async () => (await pool.query(text, values === undefined ? undefined : [...values])).rows;
    }
    reads.named = async () =>
      (await pool.query({ name: "user", text: "SELECT id, name FROM users WHERE id = $1", values: [9] })).rows;
    reads.arrays = async () =>
      (
        await pool.query({
          rowMode: "array",
          text: "SELECT id, name, name FROM users WHERE id < $1 ORDER BY id",
          values: [5],
        })
      ).rows;
    reads.callback = () =>
      new Promise((resolve, reject) => {
        pool.query("SELECT name FROM tags WHERE id = $1", [4], (error, result) =>
          error ? reject(error) : resolve(result.rows),
        );
      });
    reads.result = async () => {
      const { command, rowCount, fields, rows } = await pool.query(
        "SELECT id, total FROM orders ORDER BY placed_at LIMIT 3",
      );
      return { command, rowCount, rows, fields: fields.map(({ name, dataTypeID }) => ({ name, dataTypeID })) };
    };
    reads.checkedOut = async () => {
      const client = await pool.connect();
      try {
        return (await client.query("SELECT id FROM posts WHERE slug = $1", ["post-17"])).rows;
      } finally {
        client.release();
      }
    };
    reads.stream = async () => {
      const client = await pool.connect();
      try {
        const stream = client.query(new QueryStream("SELECT id, body FROM comments WHERE id <= $1 ORDER BY id", [120]));
        return await stream.toArray();
      } finally {
        client.release();
      }
    };
    reads.cursor = async () => {
      const client = await pool.connect();
      try {
        const cursor = client.query(new Cursor("SELECT id FROM posts ORDER BY id"));
        const rows = await cursor.read(10);
        await cursor.close();
        return rows;
      } finally {
        client.release();
      }
    };
    return {
      reads,
      writes: writes(pool),
      findFirst: async () => (await pool.query("SELECT * FROM users WHERE id = $1 LIMIT 1", [42])).rows[0],
      close: () => pool.end(),
    };
  },
};

function writes(pool: pg.Pool): Actions {
  const rowsOf = async (text: string, values?: unknown[]): Promise<unknown> => (await pool.query(text, values)).rows;
  return {
    insert: () => rowsOf("INSERT INTO tags (name, color) VALUES ($1, $2) RETURNING *", ["new", "#ffffff"]),
    update: () =>
      rowsOf("UPDATE users SET balance = balance + $1, active = NOT active WHERE id = $2 RETURNING id, balance", [
        "10.05",
        7,
      ]),
    upsert: () =>
      rowsOf(
        "INSERT INTO tags (name) VALUES ('sql') ON CONFLICT (name) DO UPDATE SET color = '#000000' RETURNING id, color",
      ),
    delete: () => rowsOf("DELETE FROM comments WHERE post_id = $1 RETURNING id", [9]),
    writingCte: () =>
      rowsOf(
        "WITH gone AS (DELETE FROM post_tags WHERE post_id = 11 RETURNING tag_id) SELECT * FROM gone ORDER BY tag_id",
      ),
    transaction: async () => {
      const client = await pool.connect();
      try {
        await client.query("BEGIN");
        const { rows } = await client.query("SELECT id, balance FROM users WHERE id = $1 FOR UPDATE", [8]);
        await client.query("UPDATE users SET balance = $1 WHERE id = $2", ["1.50", 8]);
        const after = await client.query("SELECT id, balance FROM users WHERE id = $1", [8]);
        await client.query("COMMIT");
        return [rows, after.rows];
      } catch (error) {
        await client.query("ROLLBACK");
        throw error;
      } finally {
        client.release();
      }
    },
    rolledBack: async () => {
      const client = await pool.connect();
      try {
        await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
        await client.query("UPDATE posts SET views = 0");
        const inside = await client.query("SELECT count(*) FROM posts WHERE views = 0");
        await client.query("ROLLBACK");
        const outside = await client.query("SELECT count(*) FROM posts WHERE views = 0");
        return [inside.rows, outside.rows];
      } finally {
        client.release();
      }
    },
  };
}
