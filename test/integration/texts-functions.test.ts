import { isDeepStrictEqual } from "node:util";
import { expect, it } from "vitest";
import { describeOnServers, type OpenedEngine, openEngine, type SharedDatabase } from "../support/engine.ts";
import { nastyTexts } from "../support/nasty-texts.ts";
import type { TestCollation } from "../support/postgres.ts";

const ROWS = 1500;

/** Columns: `t` of the database's collation, `c` of "C", `v` varchar, `p` char, `n` and `s` integers of small range. */
async function fill(database: SharedDatabase, seed: number): Promise<void> {
  await database.query(
    `CREATE TABLE x (id int PRIMARY KEY, t text, c text COLLATE "C", v varchar(40), p char(8), n int, s smallint, b boolean)`,
  );
  const texts = nastyTexts(ROWS, seed);
  const other = nastyTexts(ROWS, seed + 1).reverse();
  await database.query(
    `INSERT INTO x SELECT i, CASE WHEN i % 17 <> 3 THEN t END, CASE WHEN i % 19 <> 3 THEN c END, t, left(c, 8),
       CASE WHEN i % 7 <> 0 THEN i % 12 + 1 END, (i % 21) - 10, i % 3 = 0
     FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS r(t, c, i)`,
    [texts, other],
  );
}

type Statement = string | readonly [sql: string, ...params: unknown[]];

/** What is wrong with the cache's answer; `null` where it is a hit and the origin's own. */
async function fault(opened: OpenedEngine, statement: Statement): Promise<string | null> {
  const [sql, ...params] = typeof statement === "string" ? [statement] : statement;
  try {
    const expected = await opened.bare(sql, params);
    const actual = await opened.engine.execute(sql, params);
    const wrong = expected.findIndex((row, index) => !isDeepStrictEqual(row, actual[index]));
    if (wrong >= 0 || actual.length !== expected.length) {
      return `${sql}: row ${wrong} is ${JSON.stringify(actual[wrong])}, not ${JSON.stringify(expected[wrong])}`;
    }
    const { outcome } = await opened.engine.explain(sql, params);
    return outcome === "hit" ? null : `${sql}: ${outcome}`;
  } catch (error) {
    return `${sql}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function settled(result: PromiseSettledResult<unknown> | undefined): unknown {
  if (result?.status === "fulfilled") return result.value;
  return result?.reason instanceof Error ? result.reason.message : result;
}

async function expectExact(opened: OpenedEngine, statements: readonly Statement[]): Promise<void> {
  const faults: string[] = [];
  for (const statement of statements) {
    const found = await fault(opened, statement);
    if (found !== null) faults.push(found);
  }
  expect(faults).toEqual([]);
}

/** Expressions over one row; each is asked for of all rows. */
const EXPRESSIONS = [
  "lower(t)",
  "upper(t)",
  "lower(c)",
  "upper(v)",
  "upper(p)",
  "lower(t || c)",
  "lower(nullif(t, c))",
  "upper(nullif(c, t))",
  "upper(md5(c) || t)",
  "lower(replace(t, c, 'İ'))",
  "substring(t from 1 for 2)",
  "substring(t from 3)",
  "substring(t, 2, n)",
  "substring(t, s)",
  "substring(t, s, n)",
  "substr(v, -2, 5)",
  "substr(t, 0)",
  "substring(t for 3)",
  "substring(t from s for 0)",
  "left(t, 2)",
  "left(t, -2)",
  "left(t, s)",
  "right(t, 3)",
  "right(t, -1)",
  "right(c, s)",
  "left(p, 3)",
  "right(t, 0)",
  "trim(t)",
  "ltrim(t)",
  "rtrim(c)",
  "btrim(t, 'aA ')",
  "ltrim(t, c)",
  "rtrim(t, '')",
  "trim(both from t)",
  "trim(leading 'ab' from v)",
  "replace(t, 'a', 'xyz')",
  "replace(t, '', 'x')",
  "replace(t, c, '')",
  "replace(t, 'ä', 'ae')",
  "translate(t, 'aäA', 'xy')",
  "translate(t, '', 'x')",
  "translate(t, c, 'abc')",
  "translate(t, 'aaa', 'xyz')",
  "reverse(t)",
  "md5(t)",
  "strpos(t, 'a')",
  "position('' in t)",
  "strpos(t, c)",
  "position(c in v)",
  "octet_length(t)",
  "bit_length(c)",
  "length(t)",
  "ascii(t)",
  "ascii(v)",
  "chr(n)",
  "chr(n + 200)",
  "chr(55000)",
  "repeat(t, 3)",
  "repeat(t, s)",
  "lpad(t, 5)",
  "rpad(t, 6, 'xy')",
  "lpad(c, n, v)",
  "rpad(t, s, '')",
  "lpad(t, 3, '😀')",
  "split_part(t, ',', 1)",
  "split_part(t, 'a', 2)",
  "split_part(t, '', 1)",
  "split_part(t, 'b', -1)",
  "split_part(t, c, n)",
  "split_part(t, '', -1)",
  "split_part(t, '', 2)",
  "concat(t, c)",
  "concat(t, '-', n, b)",
  "concat_ws(', ', t, c, v)",
  "concat_ws(t, c, n)",
  "concat(n)",
  "concat_ws('', t, '', c)",
  "t || '-' || c",
  "n || t",
  "t || b",
  "v || n || p",
  "'x' || t || 'y'",
  "starts_with(t, 'a')",
  "t ^@ 'AB'",
  "starts_with(t, c)",
  "starts_with(v, left(v, 2))",
  "lower(t) = t",
  "t ~ 'a'",
  "t ~ '^a'",
  "t !~ 'b$'",
  "t ~ '^abc$'",
  "t ~ 'a.c'",
  "t ~ '\\.'",
  "c ~ ''",
  "t LIKE '%' || c || '%'",
  "v LIKE concat(left(v, 2), '%')",
  "t LIKE c || '%' ESCAPE ''",
  "t LIKE '_' || c || 'x' ESCAPE '!'",
  "t ILIKE '%a%'",
  "t NOT ILIKE 'A%'",
  "t ILIKE '%ä%'",
  "c ILIKE '%ss_'",
  "v ILIKE '%İ%'",
  "t ILIKE '%ΣΑ%'",
  "t ILIKE '%\\%%'",
  "v ILIKE '%' || left(v, 1) || '%'",
  "t LIKE '%!%%' ESCAPE '!'",
  "t LIKE '%\\' ESCAPE ''",
  "t LIKE 'a%' || 'b%'",
  "t ILIKE '!A%' ESCAPE '!'",
];

const CONDITIONS: readonly Statement[] = [
  "SELECT id FROM x WHERE lower(t) = 'abc' ORDER BY id",
  ["SELECT id FROM x WHERE lower(t) = lower($1) ORDER BY id", "aBC"],
  ["SELECT id FROM x WHERE t ILIKE $1 ORDER BY id", "%İ%"],
  ["SELECT id FROM x WHERE lower(t) LIKE lower($1) ORDER BY id", "%AB%"],
  ["SELECT id FROM x WHERE upper(v) LIKE upper('%' || $1 || '_') ORDER BY id", "İi"],
  ["SELECT id FROM x WHERE lower(c) LIKE lower(concat($1::text, '%')) ORDER BY id", "[A"],
  ["SELECT id FROM x WHERE lower(t) LIKE '%' || lower($1) || '%' ORDER BY id", "Ä"],
  ["SELECT id FROM x WHERE t LIKE '%' || $1 || '%' ORDER BY id", "a"],
  ["SELECT id FROM x WHERE t LIKE '%' || $1 || '%' ORDER BY id", null],
  ["SELECT id FROM x WHERE t LIKE '%' || $1 || '%' ORDER BY id", "\\"],
  ["SELECT id FROM x WHERE t LIKE $1 || '%' ORDER BY id", "a"],
  ["SELECT id FROM x WHERE t ILIKE concat('%', $1::text, '%') ORDER BY id", "B"],
  ["SELECT id FROM x WHERE t ILIKE concat('%', $1::text, '%') ORDER BY id", null],
  ["SELECT id FROM x WHERE $1 LIKE t || '%' ORDER BY id", "abc"],
  ["SELECT left(t, $1) AS l FROM x ORDER BY id", 3],
  ["SELECT substring(t, $1::int, $2::int) AS l FROM x ORDER BY id", 0, 3],
  ["SELECT id FROM x WHERE starts_with(t, $1) ORDER BY id", "a"],
  ["SELECT id FROM x WHERE t ~ $1 ORDER BY id", "^a"],
  "SELECT upper(string_agg(t, c ORDER BY id)) AS u FROM x WHERE t <> c GROUP BY n ORDER BY n",
  "SELECT id FROM x WHERE t = c OR v <> c ORDER BY id",
  "SELECT id FROM x WHERE t < c ORDER BY id",
  "SELECT id, t FROM x ORDER BY coalesce(t, ''), id",
  "SELECT id FROM x ORDER BY coalesce(t, 'm') DESC, id",
  ["SELECT id, t FROM x ORDER BY coalesce(t, $1), id", "İs"],
  "SELECT id FROM x ORDER BY CASE WHEN b THEN t END, id",
  "SELECT id FROM x ORDER BY CASE WHEN b THEN t WHEN n > 6 THEN 'no such value' ELSE 'no such value' END DESC NULLS LAST, id",
  "SELECT id FROM x ORDER BY coalesce(v, 'x', NULL), id LIMIT 100",
  "SELECT lower(t) AS l, count(*) AS n FROM x GROUP BY lower(t) ORDER BY count(*) DESC, min(id)",
  "SELECT DISTINCT upper(c) AS u FROM x ORDER BY upper(c)",
  "SELECT max(upper(c)) AS u, min(lower(c)) AS l FROM x",
  "SELECT c FROM x ORDER BY lower(c), id",
  "SELECT id FROM x WHERE c || 'x' > 'b' ORDER BY id",
  "SELECT id FROM x WHERE lower(t) <> upper(t) AND length(reverse(t)) > 3 ORDER BY id",
];

/** What the origin rejects or may reject is its own to answer. */
const PASSED: readonly Statement[] = [
  ["SELECT substring(t, $1::int, $2::int) AS l FROM x WHERE id = 0", 1, -1],
  "SELECT split_part(t, ',', 0) AS l FROM x WHERE id = 0",
  "SELECT chr(n - 1) AS l FROM x WHERE n > 5",
  "SELECT id FROM x WHERE t LIKE 'a\\'",
  "SELECT id FROM x WHERE t LIKE c ORDER BY id LIMIT 1",
  "SELECT id FROM x WHERE t ~ 'a+' ORDER BY id",
  "SELECT id FROM x WHERE t ~ '\\d' ORDER BY id",
  "SELECT id FROM x WHERE p LIKE 'a%' ORDER BY id",
  "SELECT substring(t, 'a.') AS l FROM x ORDER BY id",
];

/** Each function of texts, over columns that hold NULL and what is empty. */
const OF_EDGES = [
  "replace(x, y, z)",
  "replace(x, y, NULL)",
  "replace(x, '', z)",
  "replace(x, NULL, z)",
  "translate(x, y, z)",
  "translate(x, NULL, z)",
  "btrim(x, y)",
  "ltrim(x, y)",
  "rtrim(x, y)",
  "trim(x)",
  "substring(x, i, j)",
  "substring(x, i)",
  "left(x, j)",
  "right(x, j)",
  "repeat(x, j)",
  "lpad(x, j, y)",
  "rpad(x, i, y)",
  "lpad(x, i)",
  "split_part(x, y, i)",
  "strpos(x, y)",
  "position(y in x)",
  "starts_with(x, y)",
  "reverse(x)",
  "md5(x)",
  "ascii(x)",
  "chr(i)",
  "length(x)",
  "octet_length(x)",
  "upper(x)",
  "lower(x)",
  "x || y || z",
  "concat(x, y, z)",
  "concat_ws(x, y, z)",
  "concat_ws(',', x, i, z)",
  "coalesce(x, y, z)",
  "nullif(x, y)",
  "x ILIKE y || '%'",
  "x LIKE '%' || y || '%'",
  "x NOT LIKE 'a%'",
  "x = y",
  "x <> y",
  "x IS DISTINCT FROM y",
  "x IN (y, z)",
  "x NOT IN (y, z)",
  "x IN (y, NULL)",
  "(x, i) = (y, j)",
  "greatest(i, j)",
  "least(i, j, NULL)",
  "i + j",
  "i - j",
  "i * j",
  "i / nullif(j, 0)",
  "abs(j)",
  "mod(i, nullif(j, 0))",
  "i BETWEEN j AND 2",
  "i NOT BETWEEN j AND NULL",
  "CASE x WHEN y THEN z WHEN NULL THEN 'n' END",
  "CASE WHEN x = y THEN z ELSE y END",
  "json_build_array(x, y, i, NULL)",
  "json_build_object('x', x, 'j', j)",
];

for (const collation of ["en_US", "C", "tr_TR"] as const satisfies TestCollation[]) {
  describeOnServers(
    `functions of texts under ${collation}`,
    (database) => {
      it("answers as the origin", async (context) => {
        if (!database.server.collations.includes(collation)) return context.skip();
        await fill(database, collation.length);
        const opened = await openEngine(database);
        const expressions = collation === "C" ? EXPRESSIONS : [...EXPRESSIONS, "initcap(t)", "initcap(v)"];
        await expectExact(opened, [
          ...expressions.map((expression) => `SELECT id, ${expression} AS value FROM x ORDER BY id`),
          ...CONDITIONS,
        ]);
        expect(opened.faults).toEqual([]);
      }, 120_000);

      it("answers as the origin where an argument is NULL or empty, in each combination", async (context) => {
        if (!database.server.collations.includes(collation)) return context.skip();
        await database.query("CREATE TABLE edges (id serial PRIMARY KEY, x text, y text, z text, i int, j int)");
        await database.query(
          `INSERT INTO edges (x, y, z, i, j) SELECT x, y, z, i, j
           FROM unnest(ARRAY[NULL, '', 'a', 'Ab ']) AS x, unnest(ARRAY[NULL, '', 'a', 'bA']) AS y, unnest(ARRAY[NULL, '', 'a', 'X']) AS z,
             unnest(ARRAY[NULL, 1, 3]) AS i, unnest(ARRAY[NULL, 0, 2]) AS j`,
        );
        const opened = await openEngine(database);
        await expectExact(
          opened,
          OF_EDGES.map((expression) => `SELECT ${expression} AS value FROM edges ORDER BY id`),
        );
      }, 120_000);

      it("does so on the scan workers, too", async (context) => {
        if (!database.server.collations.includes(collation)) return context.skip();
        await database.query(
          "CREATE TABLE wide AS SELECT i AS id, t FROM unnest($1::text[]) WITH ORDINALITY AS r(t, i)",
          [nastyTexts(6000, 5)],
        );
        const opened = await openEngine(database);
        const sql =
          "SELECT upper(t) AS u, count(*) AS n FROM wide WHERE lower(t) LIKE '%i%' GROUP BY upper(t) ORDER BY min(id)";
        await expectExact(opened, [sql]);
        expect(await opened.engine.explain(sql)).toMatchObject({ thread: "scan-worker" });
      });

      it("leaves calls of functions that a user has overloaded to the origin", async (context) => {
        if (collation !== "C") return context.skip();
        await database.query("CREATE TABLE own (id int PRIMARY KEY, v varchar(20), t text)");
        await database.query("INSERT INTO own VALUES (1, 'Abc', 'Abc')");
        await database.query("CREATE FUNCTION reverse(varchar) RETURNS text LANGUAGE sql AS $$ SELECT 'mine' $$");
        const opened = await openEngine(database, { mode: "transparent" });
        const own = "SELECT reverse(v) AS r, reverse(t) AS s FROM own";
        expect(await opened.engine.execute(own)).toEqual([{ r: "mine", s: "cbA" }]);
        expect(await opened.engine.explain(own)).toMatchObject({ reason: "unsupported-function" });
        const qualified = "SELECT pg_catalog.reverse(v) AS r, upper(t) AS u FROM own";
        expect(await opened.engine.execute(qualified)).toEqual([{ r: "cbA", u: "ABC" }]);
        expect(await opened.engine.explain(qualified)).toMatchObject({ outcome: "hit" });
      });

      it("leaves to the origin what it may reject, and what is not modelled", async (context) => {
        if (collation !== "C") return context.skip();
        const opened = await openEngine(database, { mode: "transparent" });
        for (const statement of PASSED) {
          const [sql, ...params] = typeof statement === "string" ? [statement] : statement;
          const answers = [opened.engine.execute(sql, params), opened.bare(sql, params)];
          const [actual, expected] = await Promise.allSettled(answers);
          expect({ sql, actual: settled(actual) }).toEqual({ sql, actual: settled(expected) });
          expect({ sql, ...(await opened.engine.explain(sql, params)) }).toMatchObject({ outcome: "bypass" });
        }
      }, 120_000);
    },
    { collation },
  );
}

describeOnServers(
  "functions of texts under ICU",
  (database) => {
    const STATEMENTS = [
      "SELECT id, lower(t) AS a, upper(t) AS b FROM x ORDER BY id",
      "SELECT id FROM x WHERE t ILIKE '%b%' ORDER BY id",
      "SELECT upper(t) AS u, count(*) AS n FROM x GROUP BY upper(t) ORDER BY count(*), min(id)",
    ];

    it("maps ASCII texts, and leaves a statement that meets another character to the origin", async (context) => {
      if (!database.server.collations.includes("icu")) return context.skip();
      await database.query("CREATE TABLE x (id int PRIMARY KEY, t text)");
      const ascii = nastyTexts(ROWS, 7).map((text) => text.replaceAll(/[^ -~]/g, "k"));
      await database.query("INSERT INTO x SELECT i, t FROM unnest($1::text[]) WITH ORDINALITY AS r(t, i)", [ascii]);
      const opened = await openEngine(database, { mode: "transparent" });
      await expectExact(opened, STATEMENTS);
      const before = opened.engine.stats();
      await opened.engine.execute(STATEMENTS[0] ?? "");
      expect(opened.engine.stats().hits).toBe(before.hits + 1);
      await database.query("INSERT INTO x VALUES (-1, 'ΟΔΟΣ ﬁ ß')");
      await opened.engine.invalidate("x");
      await expectExact(opened, STATEMENTS);
      expect(opened.engine.stats().bypasses).toBeGreaterThan(before.bypasses);
    });

    it("leaves words to the origin", async (context) => {
      if (!database.server.collations.includes("icu")) return context.skip();
      const { engine } = await openEngine(database, { mode: "transparent" });
      expect(await engine.explain("SELECT initcap(t) FROM x")).toMatchObject({ reason: "unsupported-function" });
    });
  },
  { collation: "icu" },
);
