import type pg from "pg";
import pgPromise, { type IDatabase } from "pg-promise";
import type { Actions, Program } from "../program.ts";

/** It formats values into the text itself, so that each call may be a new text of a known shape. */
const READS: Readonly<Record<string, readonly [text: string, values?: unknown]>> = {
  userById: ["SELECT * FROM users WHERE id = $1", 7],
  userByName: ["SELECT id, email FROM users WHERE name = $<name>", { name: "Miles O'Brien" }],
  userByEmailIgnoringCase: ["SELECT id, name FROM users WHERE lower(email) = lower($1)", ["ADA8@mail.test"]],
  usersByIds: ["SELECT id, name FROM users WHERE id IN ($1:csv) ORDER BY id", [[3, 1, 77, 500]]],
  usersByIdArray: ["SELECT id, name FROM users WHERE id = ANY($1) ORDER BY id", [[3, 1, 77]]],
  usersByRoles: ["SELECT id, role FROM users WHERE role IN ($1:list) ORDER BY role, id", [["admin", "editor"]]],
  usersBetweenAges: [
    "SELECT id, age FROM users WHERE age BETWEEN $[from] AND $[to] ORDER BY age, id",
    { from: 30, to: 40 },
  ],
  usersWithoutAge: ["SELECT id FROM users WHERE age IS $1 ORDER BY id", [null]],
  usersActive: ["SELECT id FROM users WHERE active = $1 ORDER BY id", [true]],
  usersLike: ["SELECT id, name FROM users WHERE name LIKE '%$1:value%' ORDER BY name, id", ["ri"]],
  usersIlike: ["SELECT id, name FROM users WHERE name ILIKE $1 ORDER BY id", ["%SMITH%"]],
  usersPage: [
    "SELECT id, name FROM users WHERE active ORDER BY $<order:name> DESC, id LIMIT $<limit> OFFSET $<offset>",
    { order: "created_at", limit: 10, offset: 20 },
  ],
  usersColumns: ["SELECT $1:name FROM users WHERE id < $2 ORDER BY id", [["id", "email", "role"], 10]],
  usersCreatedSince: ["SELECT id FROM users WHERE created_at >= $1 ORDER BY id", [new Date("2023-06-01T00:00:00Z")]],
  usersScored: ["SELECT id, score FROM users WHERE score > $1 ORDER BY id", [0.5]],
  userSettings: ["SELECT id FROM users WHERE settings->>'theme' = $1 ORDER BY id", ["dark"]],
  userSettingsContain: ["SELECT id FROM users WHERE settings @> $1:json ORDER BY id", [{ notify: true }]],
  countByRole: [
    "SELECT role, count(*) AS n, avg(age) AS age, sum(balance) AS balance FROM users GROUP BY role ORDER BY role",
  ],
  usersWithProfile: [
    "SELECT u.id, u.name, p.bio FROM users u JOIN profiles p ON p.user_id = u.id WHERE u.active ORDER BY u.id",
  ],
  postsWithAuthor: [
    "SELECT p.id, p.title, u.name AS author FROM posts p JOIN users u ON u.id = p.author_id WHERE p.published = $(published) ORDER BY p.published_at DESC, p.id LIMIT 20",
    { published: true },
  ],
  postsOfTag: ["SELECT id, title FROM posts JOIN post_tags ON post_id = id WHERE tag_id = $1 ORDER BY id", [3]],
  topSpenders: [
    "SELECT u.id, sum(o.total) AS spent FROM users u JOIN orders o ON o.user_id = u.id WHERE o.status <> $1 GROUP BY u.id HAVING sum(o.total) > $2 ORDER BY spent DESC, u.id LIMIT 10",
    ["cancelled", 1500],
  ],
  latestOrders: ["SELECT DISTINCT ON (user_id) user_id, id, placed_at FROM orders ORDER BY user_id, placed_at DESC"],
  runningTotals: [
    "SELECT id, sum(total) OVER (PARTITION BY user_id ORDER BY placed_at) AS running FROM orders WHERE user_id = $1 ORDER BY placed_at",
    [12],
  ],
  postsJson: [
    "SELECT u.id, json_agg(json_build_object('id', p.id, 'title', p.title) ORDER BY p.id) AS posts FROM users u JOIN posts p ON p.author_id = u.id WHERE u.id <= $1 GROUP BY u.id ORDER BY u.id",
    [5],
  ],
};

export const program: Program = {
  name: "pg-promise",
  async open({ url, attach }) {
    const library = pgPromise({ noWarnings: true });
    const db = library({ connectionString: url, max: 4 });
    // Its types leave out most of what the pool is.
    attach(db.$pool as unknown as pg.Pool);
    const reads: Record<string, () => Promise<unknown>> = {};
    for (const [name, [text, values]] of Object.entries(READS)) reads[name] = () => db.any(text, values);
    reads.one = () => db.one("SELECT name FROM users WHERE id = $1", [3]);
    reads.oneOrNone = () => db.oneOrNone("SELECT name FROM users WHERE id = $1", [99_999]);
    reads.oneOfValue = () => db.one("SELECT count(*) FROM users WHERE active", [], ({ count }) => Number(count));
    reads.map = () => db.map("SELECT id, name FROM users WHERE id < $1 ORDER BY id", [6], ({ name }) => name);
    reads.each = () => db.each("SELECT id FROM posts WHERE author_id = $1 ORDER BY id", [4], (row) => delete row.id);
    reads.result = async () => {
      const { command, rowCount, fields, rows } = await db.result(
        "SELECT id, total FROM orders ORDER BY placed_at LIMIT 3",
      );
      return { command, rowCount, rows, fields: fields.map(({ name, dataTypeID }) => ({ name, dataTypeID })) };
    };
    reads.prepared = () =>
      db.one(
        new library.PreparedStatement({ name: "user", text: "SELECT id, name FROM users WHERE id = $1", values: [9] }),
      );
    reads.parameterized = () =>
      db.any(
        new library.ParameterizedQuery({ text: "SELECT id FROM posts WHERE author_id = $1 ORDER BY id", values: [5] }),
      );
    reads.arrays = () =>
      db.any(
        new library.ParameterizedQuery({
          text: "SELECT id, name, name FROM users WHERE id < 5 ORDER BY id",
          rowMode: "array",
        }),
      );
    reads.task = () =>
      db.task(async (task) => {
        const user = await task.one("SELECT id, name FROM users WHERE id = $1", [12]);
        return [user, await task.any("SELECT id, total FROM orders WHERE user_id = $1 ORDER BY placed_at", [user.id])];
      });
    reads.batch = () =>
      db.task((task) => task.batch([1, 2, 3].map((id) => task.one("SELECT email FROM users WHERE id = $1", [id]))));
    reads.rejected = () =>
      db
        .one("SELECT id FROM users WHERE active ORDER BY id")
        .catch(({ name, code, received }) => ({ name, code, received }));
    reads.func = () => db.func("upper", ["text"]);
    return {
      reads,
      writes: writes(db),
      findFirst: () => db.oneOrNone("SELECT * FROM users WHERE id = $1 LIMIT 1", [42]),
      close: () => db.$pool.end(),
    };
  },
};

function writes(db: IDatabase<object>): Actions {
  return {
    insert: () => db.one("INSERT INTO tags ($1:name) VALUES ($1:csv) RETURNING *", [{ name: "new", color: "#ffffff" }]),
    update: () =>
      db.one(
        "UPDATE users SET balance = balance + $<more>, active = NOT active WHERE id = $<id> RETURNING id, balance",
        {
          id: 7,
          more: 10.05,
        },
      ),
    delete: () => db.any("DELETE FROM comments WHERE post_id = $1 RETURNING id", [9]),
    none: () => db.none("UPDATE posts SET views = views + 1 WHERE id = $1", [3]),
    transaction: () =>
      db.tx(async (transaction) => {
        await transaction.none("UPDATE users SET balance = $1 WHERE id = $2", ["1.50", 8]);
        return await transaction.one("SELECT id, balance FROM users WHERE id = $1", [8]);
      }),
    nested: () =>
      db.tx(async (transaction) => {
        await transaction.none("UPDATE tags SET color = '#111111' WHERE id = 1");
        const inner = await transaction
          .tx(async (savepoint) => {
            await savepoint.none("UPDATE tags SET color = '#222222' WHERE id = 1");
            throw new Error("not this");
          })
          .catch(({ message }) => message);
        return [inner, await transaction.any("SELECT id, color FROM tags WHERE id = 1")];
      }),
    rolledBack: () =>
      db
        .tx(async (transaction) => {
          await transaction.none("UPDATE posts SET views = 0");
          throw new Error("given up");
        })
        .catch(async ({ message }) => [message, await db.one("SELECT count(*) FROM posts WHERE views = 0")]),
  };
}
