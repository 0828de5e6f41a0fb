import { expect, test } from "vitest";
import { planned } from "./planning.ts";

function hint(condition: string, parameters: readonly string[] = []): string {
  return planned(`SELECT id FROM items ${condition}`, { parameters })
    .indexes.map(({ columns }) => columns.join(", "))
    .join(" and ");
}

test.each<[string, string, ...string[]]>([
  ["", ""],
  ["WHERE small = 1", "small"],
  ["WHERE 1 = small", "small"],
  ["WHERE small = 1 AND big = 2", "big, small"],
  ["WHERE small IN (1, 2)", "small"],
  ["WHERE small = ANY($1)", "small", "int2[]"],
  ["WHERE day = '2024-01-01'::date", "day"],
  ["WHERE name = 'x'", "name"],
  ["WHERE exact = $1", "exact:key", "numeric"],
  ["WHERE price = 1.5", "price"],
])("%s compares %s for equality", (condition, columns, ...parameters) => {
  expect(hint(condition, parameters)).toBe(columns);
});

test.each([
  ["WHERE small > 1", "small"],
  ["WHERE small BETWEEN 1 AND 2", "small"],
  ["WHERE name < 'm'", "name:rank"],
  ["WHERE mood >= 'ok'", "mood:rank"],
  ["WHERE code >= 'm'", "code"],
  ["WHERE small = 1 AND big > 2", "small, big"],
  ["WHERE big > 2 AND small = 1", "small, big"],
  ["WHERE big > 2 AND small < 1", "big"],
  ["WHERE small = 1 AND small > 0", "small"],
])("%s has its range last", (condition, columns) => {
  expect(hint(condition)).toBe(columns);
});

test.each([
  ["ORDER BY small LIMIT 5", "small"],
  ["ORDER BY name LIMIT 5", "name:rank"],
  ["ORDER BY small, big LIMIT 5", "small"],
  ["ORDER BY small", ""],
  ["WHERE big = 1 ORDER BY small", "big, small"],
  ["WHERE big = 1 ORDER BY big LIMIT 5", "big"],
  ["WHERE big > 1 ORDER BY small LIMIT 5", "small"],
  ["WHERE big > 1 ORDER BY small", "big"],
])("%s: a sort that an index saves", (condition, columns) => {
  expect(hint(condition)).toBe(columns);
});

test.each([
  "WHERE small <> 1",
  "WHERE small NOT IN (1, 2)",
  "WHERE small NOT BETWEEN 1 AND 2",
  "WHERE small = 1 OR big = 2",
  "WHERE NOT small = 1",
  "WHERE small IS NULL",
  "WHERE small = big",
  "WHERE length(name) = 3",
  "WHERE name LIKE 'x%'",
])("%s: none", (condition) => {
  expect(hint(condition)).toBe("");
});

test.each([
  ["WHERE small = 1 AND big = 2", ["small", "big"], 2],
  ["WHERE (small = 1 AND name = 'x') AND flag", ["small", "name"], 3],
  ["WHERE small = 1 OR small = 2", [], 1],
  ["WHERE small IN (1)", [], 1],
  ["WHERE small IS NOT DISTINCT FROM 1", [], 1],
  ["WHERE small = NULL", ["small"], 1],
  ["WHERE small = big", [], 1],
  ["WHERE small > 1 AND big BETWEEN 1 AND 2", [], 3],
  ["WHERE big NOT BETWEEN 1 AND 2", [], 1],
  ["WHERE exact = 1.5", ["exact:key"], 1],
  ["", [], 0],
] as const)("%s fixes %j", (condition, fixed, conditions) => {
  const plan = planned(`SELECT id FROM items ${condition}`);
  expect(plan.single).toMatchObject({ fixedColumns: fixed, conditions });
});

function hints(query: string): string {
  const { indexes } = planned(query, { fields: ["id:int4"] });
  return indexes.map(({ table, columns }) => `${table.name}(${columns.join(", ")})`).join(" ");
}

test.each([
  ["SELECT i.id FROM items i JOIN owners o ON o.item_id = i.id", "owners(item_id) items(id)"],
  ["SELECT i.id FROM items i, owners o WHERE o.item_id = i.id", "owners(item_id) items(id)"],
  ["SELECT i.id FROM items i JOIN other.marks m USING (id)", "items(id) marks(id)"],
  [
    "SELECT i.id FROM items i JOIN owners o ON o.item_id = i.id AND o.place = 3",
    "owners(place) owners(item_id) items(id)",
  ],
  [
    "SELECT i.id FROM items i JOIN owners o ON o.item_id = i.id WHERE o.place = 3 AND o.big > 5 AND i.small = 2",
    "owners(place, big) owners(item_id) items(small) items(id)",
  ],
  ["SELECT i.id FROM items i LEFT JOIN owners o ON o.name = i.name", "owners(name) items(name)"],
  ["SELECT i.id FROM items i JOIN owners o ON o.big < i.big", ""],
  ["SELECT i.id FROM items i JOIN owners o ON o.item_id + 1 = i.id", ""],
  ["SELECT i.id FROM items i JOIN owners o ON o.item_id = i.id OR o.place = 2", ""],
  ["SELECT a.id FROM items a JOIN items b ON a.small = b.big", "items(small) items(big)"],
  ["SELECT id FROM items i WHERE EXISTS (SELECT 1 FROM owners o WHERE o.item_id = i.id)", "owners(item_id)"],
  [
    "SELECT id FROM items i WHERE EXISTS (SELECT 1 FROM owners o WHERE o.item_id = i.id AND o.place = 2)",
    "owners(item_id, place)",
  ],
  ["SELECT id FROM items WHERE small IN (SELECT place FROM owners WHERE big = 3)", "owners(big) items(small)"],
  [
    "SELECT s.id FROM (SELECT id FROM items WHERE small = 3) s JOIN owners o ON o.item_id = s.id",
    "items(small) owners(item_id)",
  ],
])("%s: %s", (query, expected) => {
  expect(hints(query)).toBe(expected);
});
