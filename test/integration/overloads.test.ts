import { expect, it } from "vitest";
import { describeOnServers, openEngine } from "../support/engine.ts";

describeOnServers(
  "functions and operators of a user",
  (database) => {
    it("that take built-in types are the origin's business", async () => {
      const { engine, bare } = await openEngine(database, { mode: "transparent" });
      const statements = [
        "SELECT id, length(v) AS n FROM t ORDER BY id",
        "SELECT id FROM t WHERE v = 'A'::varchar ORDER BY id",
      ];
      const outcomes = async (): Promise<unknown[]> => {
        const found: unknown[] = [];
        for (const sql of statements) {
          await engine.execute(sql);
          expect(await engine.execute(sql)).toEqual(await bare(sql));
          found.push((await engine.explain(sql)).outcome);
        }
        return found;
      };
      expect(await outcomes()).toEqual(["hit", "hit"]);
      await database.query("CREATE FUNCTION length(varchar) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 42'");
      await engine.invalidate();
      expect(await outcomes()).toEqual(["bypass", "hit"]);
      await database.query(`CREATE FUNCTION same(varchar, varchar) RETURNS bool IMMUTABLE LANGUAGE sql
                            AS 'SELECT lower($1::text) = lower($2::text)'`);
      await database.query("CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = same)");
      await engine.invalidate();
      expect(await outcomes()).toEqual(["bypass", "bypass"]);
    });
  },
  {
    setup: ["CREATE TABLE t (id int PRIMARY KEY, v varchar(20))", "INSERT INTO t VALUES (1, 'a'), (2, 'A'), (3, NULL)"],
  },
);
