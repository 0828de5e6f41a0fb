import { expect, it } from "vitest";
import { planned } from "./planning.ts";

const INT8 = "n:int8";

it.each([
  ["SELECT id FROM items"],
  ["SELECT id FROM items ORDER BY name"],
  ["SELECT DISTINCT name FROM items"],
  ["SELECT count(*) AS n FROM items GROUP BY name", INT8],
  ["SELECT i.id FROM items i JOIN owners o ON o.item_id = i.id"],
  ["SELECT id FROM items WHERE id IN (SELECT item_id FROM owners)"],
  ["SELECT id FROM items WHERE id = $1 LIMIT 1"],
  ["SELECT id FROM items WHERE id = 5 LIMIT $1"],
  ["SELECT name FROM items ORDER BY id LIMIT 10 OFFSET 20"],
  ["SELECT name FROM items ORDER BY name, id DESC LIMIT 10"],
  ["SELECT name AS id, id AS key FROM items i ORDER BY i.id LIMIT 10"],
  ["SELECT count(*) AS n FROM items LIMIT 1", INT8],
  ["SELECT max(id) AS id FROM items LIMIT 1", "id:int4"],
])("%s has one answer", (sql, ...fields) => {
  const parameters = /\$1/.test(sql) ? [sql.includes("LIMIT $1") ? "int8" : "int4"] : [];
  expect(planned(sql, { parameters, ...(fields.length > 0 ? { fields } : {}) }).determined).toBe(true);
});

it.each([
  ["SELECT id FROM items LIMIT 1"],
  ["SELECT id FROM items OFFSET 1"],
  ["SELECT id FROM items ORDER BY name LIMIT 1"],
  ["SELECT name AS id FROM items ORDER BY id LIMIT 1"],
  ["SELECT id FROM items WHERE id > 5 LIMIT 1"],
  ["SELECT DISTINCT name, id FROM items ORDER BY id LIMIT 1"],
  ["SELECT count(*) AS n FROM items GROUP BY name LIMIT 1", INT8],
  ["SELECT i.id FROM items i JOIN owners o ON o.item_id < i.id ORDER BY i.id LIMIT 3"],
  ["SELECT id FROM (SELECT id FROM items LIMIT 3) i", "id:int4"],
  ["SELECT id FROM items WHERE id IN (SELECT item_id FROM owners LIMIT 1)"],
  ["WITH few AS (SELECT id FROM items LIMIT 3) SELECT id FROM few", "id:int4"],
  ["SELECT id FROM items UNION SELECT item_id FROM owners LIMIT 1", "id:int4"],
  ["SELECT DISTINCT ON (name) name, id FROM items"],
  ["SELECT row_number() OVER (ORDER BY name) AS n FROM items", INT8],
  ["SELECT string_agg(name, ',') AS t FROM items", "t:text"],
  ["SELECT string_agg(name, ',' ORDER BY big) AS t FROM items", "t:text"],
])("%s may have several", (sql, ...fields) => {
  expect(planned(sql, fields.length > 0 ? { fields } : {}).determined).toBe(false);
});
