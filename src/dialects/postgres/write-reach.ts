import type { QualifiedName } from "../../parse/ast.ts";
import type { WriteReach } from "../dialect.ts";
import { regclassText } from "./catalog.ts";
import { NOTIFY, TOUCH } from "./gates/install-sql.ts";

/** Runs a query with one JSON parameter; resolves to its one text. */
export type AskText = (sql: string, json: string) => Promise<string>;

/**
 * Answers `all` when a name is no ordinary table, or when a trigger of a user, a rule or the function of a column default
 * could write anywhere (functions in C, such as those that make a UUID, are taken not to). SQLmem's own triggers write
 * nothing that is cached.
 *
 * The closure goes both ways through inheritance (what a child holds shows in its ancestors) and along foreign keys
 * whose action writes the referencing table. Triggers: `tgisinternal` are those of foreign keys and partitions, `D` is
 * disabled; rules: `1` is the SELECT rule of a view.
 */
const REACH_QUERY = `
WITH RECURSIVE
named AS (
  SELECT pg_catalog.to_regclass(n.name)::pg_catalog.oid AS oid
  FROM pg_catalog.json_array_elements_text($1::pg_catalog.json) AS n(name)
),
reach (oid) AS (
  SELECT oid FROM named WHERE oid IS NOT NULL
  UNION
  SELECT next.oid
  FROM reach AS r
  CROSS JOIN LATERAL (
    SELECT i.inhrelid AS oid FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = r.oid
    UNION ALL
    SELECT i.inhparent FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = r.oid
    UNION ALL
    SELECT k.conrelid FROM pg_catalog.pg_constraint AS k
    WHERE k.contype = 'f' AND k.confrelid = r.oid
      AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))
  ) AS next
)
SELECT CASE WHEN
  EXISTS (SELECT FROM named AS n LEFT JOIN pg_catalog.pg_class AS c ON c.oid = n.oid
          WHERE c.oid IS NULL OR c.relkind NOT IN ('r', 'p', 'm'))
  OR EXISTS (SELECT FROM reach AS r JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = r.oid
             WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND NOT EXISTS (
               SELECT FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
               WHERE p.oid = t.tgfoid AND n.nspname = 'sqlmem' AND p.proname IN ('${TOUCH.function}', '${NOTIFY.function}')))
  OR EXISTS (SELECT FROM reach AS r JOIN pg_catalog.pg_rewrite AS w ON w.ev_class = r.oid
             WHERE w.ev_type <> '1' AND w.ev_enabled <> 'D')
  OR EXISTS (SELECT FROM reach AS r
             JOIN pg_catalog.pg_attrdef AS a ON a.adrelid = r.oid
             JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = a.oid
               AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
             JOIN pg_catalog.pg_proc AS p ON p.oid = d.refobjid AND p.provolatile = 'v'
             JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang AND l.lanname NOT IN ('internal', 'c'))
  THEN '"all"'
  ELSE (SELECT COALESCE(pg_catalog.json_agg(r.oid::pg_catalog.text), '[]')::pg_catalog.text FROM reach AS r)
END`;

/** Functions of pg_catalog that run a text given to them, or the query of a cursor. */
const RUNS_SQL: ReadonlySet<string> = new Set([
  "query_to_xml",
  "query_to_xmlschema",
  "query_to_xml_and_xmlschema",
  "cursor_to_xml",
  "cursor_to_xmlschema",
  "ts_stat",
  "ts_rewrite",
]);

const FAMILY_QUERY = `
WITH RECURSIVE family (oid) AS (
  SELECT pg_catalog.to_regclass(n.name)::pg_catalog.oid FROM pg_catalog.json_array_elements_text($1::pg_catalog.json) AS n(name)
  UNION
  SELECT next.oid FROM family AS f
  CROSS JOIN LATERAL (
    SELECT i.inhrelid AS oid FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = f.oid
    UNION ALL
    SELECT i.inhparent FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = f.oid
  ) AS next
)
SELECT COALESCE(pg_catalog.json_agg(oid::pg_catalog.text), '[]')::pg_catalog.text FROM family WHERE oid IS NOT NULL`;

const FUNCTIONS_QUERY = `
SELECT EXISTS (
  SELECT FROM pg_catalog.json_to_recordset($1::pg_catalog.json) AS f(schema pg_catalog.text, name pg_catalog.text, anywhere pg_catalog.bool)
  JOIN pg_catalog.pg_proc AS p ON p.proname = f.name
  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
  WHERE p.provolatile = 'v' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND CASE WHEN f.schema IS NULL THEN f.anywhere OR n.nspname = ANY (pg_catalog.current_schemas(true)) ELSE n.nspname = f.schema END
)::pg_catalog.text`;

/**
 * A function of a user that takes built-in types alone can be a better match than the built-in one of the same name, and
 * one in a schema before pg_catalog an equal one. What extensions define for types of their own is never a match. It is
 * the same with operators, one of which nearly every statement has: any of them counts.
 */
const OVERLOADS_QUERY = `
SELECT COALESCE(pg_catalog.json_agg(found.name), '[]')::pg_catalog.text
FROM (
  SELECT p.proname || '()' AS name
  FROM pg_catalog.json_array_elements_text($1::pg_catalog.json) AS f(name)
  JOIN pg_catalog.pg_proc AS p ON p.proname = f.name
  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
  WHERE n.nspname <> 'pg_catalog' AND n.nspname = ANY (pg_catalog.current_schemas(true))
    AND NOT EXISTS (SELECT FROM pg_catalog.unnest(p.proargtypes) AS a(type) WHERE a.type >= 16384)
  UNION
  SELECT 'the operator ' || o.oprname
  FROM pg_catalog.pg_operator AS o JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace
  WHERE n.nspname <> 'pg_catalog' AND n.nspname = ANY (pg_catalog.current_schemas(true))
    AND o.oprleft < 16384 AND o.oprright < 16384
    AND EXISTS (SELECT FROM pg_catalog.pg_operator AS b
                WHERE b.oprname = o.oprname AND b.oprnamespace = 'pg_catalog'::pg_catalog.regnamespace)
) AS found`;

interface Answer {
  readonly askedAt: number;
  readonly text: Promise<string>;
}

/** Remembers answers until `forget`, or until they were asked for too long ago for who asks; bounded. */
export class WriteReachCache {
  readonly #ask: AskText;
  readonly #reach = new Map<string, Answer>();
  readonly #functions = new Map<string, Answer>();

  constructor(ask: AskText) {
    this.#ask = ask;
  }

  forget(): void {
    this.#reach.clear();
    this.#functions.clear();
  }

  /** Ids of the table, of what inherits from it or partitions it, and of what it is itself a part of. */
  async family(name: QualifiedName): Promise<readonly string[]> {
    return JSON.parse(await this.#ask(FAMILY_QUERY, JSON.stringify([regclassText(name)]))) as string[];
  }

  /** Ids of all tables that a write to these may change. */
  async reach(names: readonly QualifiedName[], askedSince: number = EVER): Promise<WriteReach> {
    if (names.length === 0) return [];
    const texts = [...new Set(names.map(regclassText))].sort();
    return JSON.parse(await this.#remember(this.#reach, REACH_QUERY, JSON.stringify(texts), askedSince)) as WriteReach;
  }

  /** True if one of them is volatile and not the database's own; a name that nobody has will be the origin's error. */
  async functionsMayWrite(names: readonly QualifiedName[], anywhere: boolean): Promise<boolean> {
    if (names.length === 0) return false;
    if (names.some((name) => RUNS_SQL.has(name.at(-1) ?? ""))) return true;
    const functions = names.map((name) => ({ schema: name.at(-2) ?? null, name: name.at(-1) ?? "", anywhere }));
    return (await this.#remember(this.#functions, FUNCTIONS_QUERY, JSON.stringify(functions))) === "true";
  }

  /** Functions of a user that these names, unqualified in a statement, may mean; and operators of a user, if there are any. */
  async overloads(names: readonly QualifiedName[]): Promise<readonly string[]> {
    const unqualified = names.filter((name) => name.length === 1).map((name) => name[0] ?? "");
    const answer = await this.#remember(this.#functions, OVERLOADS_QUERY, JSON.stringify(unqualified));
    return JSON.parse(answer) as string[];
  }

  #remember(answers: Map<string, Answer>, sql: string, json: string, askedSince: number = EVER): Promise<string> {
    const known = answers.get(json);
    if (known !== undefined && known.askedAt >= askedSince) return known.text;
    if (answers.size >= MAX_ANSWERS) answers.clear();
    const answer = { askedAt: performance.now(), text: this.#ask(sql, json) };
    answers.set(json, answer);
    answer.text.catch(() => {
      if (answers.get(json) === answer) answers.delete(json);
    });
    return answer.text;
  }
}

const MAX_ANSWERS = 10_000;
const EVER = Number.NEGATIVE_INFINITY;
