import { expect, test } from "vitest";
import { plan } from "./planning.ts";

/** A query as a value is planned only when it is proven to have one row at most. */
function hasOneRowAtMost(query: string, parameters: readonly string[] = []): boolean {
  const result = plan(`SELECT (${query}) AS v FROM items AS outside`, { parameters, fields: ["v:text"] });
  if (result.kind === "plan") return true;
  if (/may have more than one row/.test(result.detail)) return false;
  throw new Error(`${result.reason}: ${result.detail}`);
}

test.each([
  // the primary key has two columns, and mail is unique
  "SELECT mail FROM owners WHERE item_id = 1 AND place = 2",
  "SELECT mail FROM owners WHERE mail = 'x'",
  "SELECT mail FROM owners WHERE 'x' = mail AND big > 3",
  "SELECT mail FROM owners WHERE (mail = 'x' AND big > 3) AND (big = 4 OR big = 5)",
  "SELECT o.mail FROM owners o WHERE o.item_id = outside.id AND o.place = outside.small",
  "SELECT mail FROM owners WHERE item_id = 1 AND 2 = place",
  // tables that hang on one that is down to one row
  "SELECT o.mail FROM owners o JOIN items i ON i.id = o.item_id WHERE o.mail = 'x'",
  "SELECT o.mail FROM items i JOIN owners o ON i.id = o.item_id WHERE o.mail = 'x'",
  "SELECT o.mail FROM owners o, items i, items k WHERE o.mail = 'x' AND i.id = o.item_id AND k.id = i.small",
  "SELECT o.mail FROM owners o CROSS JOIN items i WHERE o.mail = 'x' AND i.id = 7",
  "SELECT o.mail FROM owners o LEFT JOIN items i ON i.small = o.place WHERE o.mail = 'x' AND i.id = o.item_id",
  "SELECT i.name FROM (SELECT max(item_id) AS top FROM owners) s JOIN items i ON i.id = s.top",
  // whatever the conditions
  "SELECT mail FROM owners ORDER BY place LIMIT 1",
  "SELECT mail FROM owners LIMIT 0",
  "SELECT max(mail) FROM owners",
  "SELECT max(mail) FROM owners HAVING count(*) > 3",
  "SELECT mail FROM owners UNION SELECT code FROM items LIMIT 1",
])("one row at most: %s", (query) => {
  expect(hasOneRowAtMost(query)).toBe(true);
});

test.each([
  "SELECT mail FROM owners",
  "SELECT mail FROM owners WHERE item_id = 1",
  "SELECT mail FROM owners WHERE item_id = outside.id",
  "SELECT mail FROM owners WHERE item_id = place AND place = big",
  "SELECT mail FROM owners WHERE item_id = 1 AND place > 2",
  "SELECT mail FROM owners WHERE item_id = 1 OR place = 2",
  "SELECT mail FROM owners WHERE mail <> 'x'",
  "SELECT mail FROM owners WHERE mail IN ('x', 'y')",
  "SELECT mail FROM owners WHERE NOT (mail = 'x')",
  "SELECT name FROM owners WHERE name = 'x'",
  "SELECT mail FROM owners WHERE mail = mail",
  "SELECT m.name FROM other.marks m WHERE m.id = 1 AND m.name = 'x' AND m.at = 2",
  "SELECT o.mail FROM owners o JOIN items i ON i.small = o.item_id WHERE o.mail = 'x'",
  "SELECT o.mail FROM owners o JOIN items i ON i.id = o.item_id WHERE o.item_id = 3",
  "SELECT a.mail FROM owners a JOIN owners b ON a.mail = b.mail",
  // an outer join keeps the rows that its own condition does not hold for
  "SELECT i.name FROM items i LEFT JOIN owners o ON o.mail = 'x' AND i.id = 1",
  "SELECT o.mail FROM items i RIGHT JOIN owners o ON o.mail = 'x' AND i.id = 1",
  "SELECT mail FROM owners LIMIT 2",
  "SELECT mail FROM owners OFFSET 1",
  "SELECT max(mail) FROM owners GROUP BY place",
  "SELECT DISTINCT mail FROM owners",
  "SELECT mail FROM owners WHERE mail = 'x' UNION ALL SELECT mail FROM owners WHERE mail = 'x'",
])("any number of rows: %s", (query) => {
  expect(hasOneRowAtMost(query)).toBe(false);
});

test("LIMIT is part of the plan when it is the proof, and a parameter is none", () => {
  const limited = plan("SELECT (SELECT mail FROM owners LIMIT 1) AS v FROM items", { fields: ["v:text"] });
  expect(limited).toMatchObject({ kind: "plan", pinned: [0] });
  expect(hasOneRowAtMost("SELECT mail FROM owners LIMIT $1", ["int8"])).toBe(false);
});
