import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Placement, placementOf } from "../../../src/execute/placement.ts";
import { compile, MAIN_THREAD_ROWS } from "../../../src/plan/compile.ts";
import type { IndexFacts, StoredTable } from "../../../src/store/contract.ts";
import { buildIndex } from "../../../src/store/table-index.ts";
import { planned, stored } from "../plan/planning.ts";

interface Held {
  readonly db: DatabaseSync;
  /** Rows and indexes by table. */
  readonly tables: ReadonlyMap<string, { readonly rows: number; readonly indexes: ReadonlyMap<string, IndexFacts> }>;
}

interface Sizes {
  readonly items: number;
  readonly owners: number;
  readonly marks: number;
}

/** `items` by its key; ten owners of each item; `marks` of seven kinds. */
function hold({ items, owners, marks }: Sizes, indexed: boolean): Held {
  const db = new DatabaseSync(":memory:");
  const numbers = "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ? - 1)";
  db.exec("CREATE TABLE items (id INTEGER PRIMARY KEY, small INTEGER, big INTEGER, name TEXT)");
  db.exec("CREATE TABLE owners (item_id INTEGER, place INTEGER, big INTEGER, name TEXT, mail TEXT)");
  db.exec("CREATE TABLE marks (id INTEGER, at INTEGER, name TEXT)");
  db.prepare(`${numbers} INSERT INTO items SELECT n, n % 10, n, 'n' || n FROM numbers`).run(items);
  db.prepare(`${numbers} INSERT INTO owners SELECT n / 10, n % 10, n, 'n' || n, 'm' || n FROM numbers`).run(owners);
  db.prepare(`${numbers} INSERT INTO marks SELECT n, n % 7, 'n' || n FROM numbers`).run(marks);
  const index = (table: string, ...lists: readonly (readonly string[])[]): ReadonlyMap<string, IndexFacts> =>
    new Map(indexed ? lists.map((columns) => [columns.join(","), buildIndex(db, table, columns)]) : []);
  return {
    db,
    tables: new Map([
      ["items", { rows: items, indexes: index("items", ["small"]) }],
      ["owners", { rows: owners, indexes: index("owners", ["item_id"], ["mail"]) }],
      ["marks", { rows: marks, indexes: index("marks", ["at"]) }],
    ]),
  };
}

let large: Held;
let bare: Held;
let small: Held;

beforeAll(() => {
  large = hold({ items: 5000, owners: 50_000, marks: 20_000 }, true);
  bare = hold({ items: 5000, owners: 50_000, marks: 20_000 }, false);
  small = hold({ items: 50, owners: 60, marks: 70 }, false);
});

afterAll(() => {
  for (const { db } of [large, bare, small]) db.close();
});

function placement({ db, tables }: Held, sql: string, fields?: readonly string[]): Placement {
  const plan = planned(sql, fields === undefined ? {} : { fields });
  const held = stored(plan).map((table): StoredTable => {
    const found = tables.get(table.table);
    if (found === undefined) throw new Error(`no table ${table.table}`);
    return { ...table, ...found, rowidColumn: table.table === "items" ? "id" : null };
  });
  const program = compile(plan, held);
  if (program.kind === "bypass") throw new Error(program.detail);
  const details = db.prepare(`EXPLAIN QUERY PLAN ${program.sql}`).all();
  return placementOf(
    program,
    details.map(({ detail }) => String(detail)),
  );
}

const COUNT = ["n:int8"];

describe("large tables", () => {
  test.each<[sql: string, placement: Placement, fields?: readonly string[]]>([
    ["SELECT i.name, o.mail FROM items i JOIN owners o ON o.item_id = i.id WHERE i.id = 7", "main"],
    ["SELECT i.name, o.mail FROM items i LEFT JOIN owners o ON o.item_id = i.id WHERE i.id = 7", "main"],
    ["SELECT i.name, o.name FROM owners o JOIN items i ON i.id = o.item_id WHERE o.mail = 'm5'", "main"],
    ["SELECT i.name FROM items i WHERE i.id = 7 AND EXISTS (SELECT 1 FROM owners o WHERE o.item_id = i.id)", "main"],
    ["SELECT (SELECT count(*) FROM owners o WHERE o.item_id = i.id) AS n FROM items i WHERE i.id = 3", "main", COUNT],
    // 500 rows of items, ten owners of each
    ["SELECT i.name, o.mail FROM items i JOIN owners o ON o.item_id = i.id WHERE i.small = 7", "main"],
    [
      "SELECT i.name, o.mail, m.at FROM items i JOIN owners o ON o.item_id = i.id JOIN other.marks m ON m.at = i.big WHERE i.id = 7",
      "scan",
    ],
    ["SELECT i.name, o.mail FROM items i JOIN owners o ON o.item_id = i.id", "scan"],
    ["SELECT i.name, o.mail FROM items i CROSS JOIN owners o", "scan"],
    ["SELECT i.name FROM items i WHERE EXISTS (SELECT 1 FROM owners o WHERE o.item_id = i.id)", "scan"],
    ["SELECT i.name FROM items i WHERE i.id IN (SELECT o.item_id FROM owners o)", "scan"],
    ["SELECT count(*) AS n FROM items i JOIN owners o ON o.item_id = i.id", "scan", COUNT],
    ["SELECT id FROM items UNION SELECT item_id FROM owners", "scan", ["id:int4"]],
    ["SELECT s.item_id FROM (SELECT item_id FROM owners) s", "scan", ["item_id:int4"]],
  ])("%s: %s", (sql, expected, fields) => {
    expect(placement(large, sql, fields)).toBe(expected);
  });
});

describe("a page of rows, each with what belongs to it", () => {
  const owners = "SELECT o.name, i.name FROM owners o LEFT JOIN items i ON i.id = o.item_id";
  test.each<[sql: string, placement: Placement]>([
    [`${owners} LIMIT 20`, "limited"],
    [`${owners} LIMIT 20 OFFSET 40`, "limited"],
    [`${owners} WHERE o.item_id > 7 LIMIT 20`, "limited"],
    [`${owners} AND i.small > 3 LIMIT 20`, "limited"],
    [`${owners} LEFT JOIN items j ON j.id = o.place LIMIT 20`, "limited"],
    // The rows before it are read, too.
    [`${owners} WHERE o.place <> 3 LIMIT 20`, "scan"],
    [`${owners} WHERE o.item_id > 7 AND o.place = 1 LIMIT 20`, "scan"],
    [`${owners} WHERE i.name IS NULL LIMIT 20`, "scan"],
    [`${owners} ORDER BY o.place LIMIT 20`, "scan"],
    // As many as do not have one may be left out.
    ["SELECT o.name, i.name FROM owners o JOIN items i ON i.id = o.item_id LIMIT 20", "scan"],
    // Some have many.
    ["SELECT m.name, o.name FROM other.marks m LEFT JOIN owners o ON o.item_id = m.id LIMIT 20", "scan"],
    ["SELECT DISTINCT o.name, i.name FROM owners o LEFT JOIN items i ON i.id = o.item_id LIMIT 20", "scan"],
    [`${owners}`, "scan"],
  ])("%s: %s", (sql, expected) => {
    expect(placement(large, sql)).toBe(expected);
  });
});

test("without an index on what is joined by, a row of one table may meet all of the other", () => {
  expect(placement(bare, "SELECT i.name, o.mail FROM items i JOIN owners o ON o.item_id = i.id WHERE i.id = 7")).toBe(
    "scan",
  );
});

describe("small tables", () => {
  test.each<[sql: string, placement: Placement, fields?: readonly string[]]>([
    ["SELECT i.name, o.mail FROM items i JOIN owners o ON o.item_id = i.id", "main"],
    ["SELECT i.name, o.mail FROM items i JOIN owners o ON o.place < i.small", "main"],
    ["SELECT id FROM items UNION SELECT item_id FROM owners", "main", ["id:int4"]],
    // fifty times sixty times seventy
    ["SELECT i.id, m.at FROM items i CROSS JOIN owners o CROSS JOIN other.marks m", "scan"],
  ])("%s: %s", (sql, expected, fields) => {
    expect(placement(small, sql, fields)).toBe(expected);
  });
});

test("a query that is named more than once is read as often", () => {
  const kept = "WITH a AS (SELECT DISTINCT small FROM items)";
  const held = hold({ items: 1500, owners: 2, marks: 2 }, false);
  expect(placement(held, `${kept} SELECT count(*) AS n FROM a`, COUNT)).toBe("main");
  expect(placement(held, `${kept} SELECT count(*) AS n FROM a x, a y, a z`, COUNT)).toBe("scan");
  held.db.close();
});

test("the bound is on the product of the steps, not on the tables", () => {
  const rows = MAIN_THREAD_ROWS;
  const held = hold({ items: rows, owners: 2, marks: 100 }, false);
  expect(placement(held, "SELECT i.id, o.mail FROM items i CROSS JOIN owners o")).toBe("scan");
  expect(placement(held, "SELECT i.id, m.at FROM items i CROSS JOIN other.marks m")).toBe("scan");
  held.db.close();
});
