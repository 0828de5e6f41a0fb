import { beforeAll, it } from "vitest";
import { describeOnServers } from "../support/engine.ts";
import { expectExact, fill, ofEachRow, openWire, SETUP } from "./compared-values.ts";

const PLAIN = "id i2 i4 i8 p q x w f t k v c b d ts tz u m jb by iv r".split(" ");

describeOnServers(
  "JSON",
  (database) => {
    beforeAll(() => fill(database, 800, 3));

    it("is built from values of each type as the origin prints it", async () => {
      const opened = await openWire(database, "-c TimeZone=UTC");
      await expectExact(opened, ofEachRow([...PLAIN, "j"].map((column) => `to_json(${column})`)));
      await expectExact(opened, ofEachRow(PLAIN.map((column) => `to_jsonb(${column})`)));
      const pairs = PLAIN.map((column) => `'${column} key', ${column}`).join(", ");
      await expectExact(
        opened,
        ofEachRow([
          `json_build_object(${pairs}, 'j', j)`,
          `jsonb_build_object(${pairs})`,
          `json_build_array(${PLAIN.join(", ")}, j, NULL, 'text', 1, 2.50, true)`,
          `jsonb_build_array(${PLAIN.join(", ")}, NULL, 'text', 1, 2.50, true)`,
          "json_build_object('a', i4, 'a', json_build_object('b', p, 'c', json_build_array(t, b)), 'e', json_build_object())",
          "jsonb_build_object('bb', i4, 'a', json_build_object('b', p, 'b', f, 'é', 1), 'bb', json_build_array(t, b), 'c', jsonb_build_array())",
          "json_build_object('a', jsonb_build_object('bb', 1, 'a', p))",
          "json_build_object(k, p, id, f, q, 1)",
          "jsonb_build_object(k, p, id, f, q, 1)",
          "json_build_object('sum', p * q, 'mean', p / q, 'text', t || k)",
          "coalesce(to_json(t), '[]'::json)",
          "coalesce(to_jsonb(t), '[ ]')",
        ]),
      );
    });

    it("is aggregated as the origin prints it", async () => {
      const opened = await openWire(database, "-c TimeZone=UTC");
      const aggregates = ["json_agg", "jsonb_agg"].flatMap((name) => [
        ...PLAIN.map((column) => `SELECT ${name}(${column} ORDER BY id) AS a FROM n`),
        `SELECT m, ${name}(json_build_object('id', id, 'p', p, 't', t) ORDER BY p DESC NULLS LAST, id) AS a FROM n GROUP BY m ORDER BY m`,
        `SELECT m, coalesce(${name}(t ORDER BY id) FILTER (WHERE i4 > 990000), '[]') AS a FROM n GROUP BY m ORDER BY m`,
        `SELECT ${name}(DISTINCT i2) AS a, ${name}(DISTINCT k ORDER BY k DESC) AS b, ${name}(DISTINCT p) AS c, ${name}(DISTINCT d) AS d FROM n`,
        `SELECT ${name}(id) AS a FROM n WHERE id < 0`,
      ]);
      await expectExact(opened, aggregates);
      await expectExact(opened, [
        "SELECT json_object_agg(k, p ORDER BY id) AS a, json_object_agg(id, json_build_object('t', t) ORDER BY id) AS b FROM n",
        "SELECT jsonb_object_agg(k, p ORDER BY id) AS a, jsonb_object_agg(id, t ORDER BY id) AS b FROM n",
        "SELECT json_object_agg(id, id) AS a FROM n WHERE id < 0",
        "SELECT json_build_object('rows', json_agg(id ORDER BY id), 'sum', sum(p), 'mean', avg(x)) AS a FROM n",
      ]);
    });

    it("shows rows", async () => {
      const opened = await openWire(database, "-c TimeZone=UTC");
      await database.query('CREATE TABLE few AS SELECT id, p, t, tz, "jb", f AS "A b" FROM n WHERE id <= 50');
      await expectExact(opened, [
        "SELECT row_to_json(few) AS a FROM few ORDER BY id",
        "SELECT to_json(f) AS a, to_jsonb(f) AS b FROM few AS f ORDER BY id",
        "SELECT json_agg(f ORDER BY id) AS a, jsonb_agg(f ORDER BY id) AS b FROM few AS f",
        "SELECT json_build_object('row', f, 'id', id) AS a FROM few AS f ORDER BY id",
      ]);
    });

    it("holds times in the session's zone, in ISO style", async () => {
      const opened = await openWire(database, "-c TimeZone=Asia/Kolkata");
      await expectExact(
        opened,
        ofEachRow(["json_build_array(d, ts, tz)", "jsonb_build_array(d, ts, tz)", "to_json(tz)"]),
      );
      const german = await openWire(database, "-c TimeZone=UTC -c DateStyle=German -c extra_float_digits=0");
      await expectExact(
        german,
        ofEachRow(["json_build_array(d, ts)", "jsonb_build_array(d, f)", "json_build_array(f)"]),
      );
    });
  },
  { setup: SETUP },
);
