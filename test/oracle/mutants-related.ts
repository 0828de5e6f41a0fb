// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the patches are source text
import type { Mutant } from "./mutate.ts";

/** Mistakes in the treatment of queries over several relations. */
export const RELATED_MUTANTS: readonly Mutant[] = [
  {
    name: "a left join loses the rows that match nothing",
    file: "plan/plan-from.ts",
    find: 'left: "LEFT JOIN"',
    replace: 'left: "JOIN"',
  },
  {
    name: "a right join keeps the wrong side",
    file: "plan/plan-from.ts",
    find: 'right: "RIGHT JOIN"',
    replace: 'right: "LEFT JOIN"',
  },
  {
    name: "a full join loses the rows of its right side",
    file: "plan/plan-from.ts",
    find: 'full: "FULL JOIN"',
    replace: 'full: "LEFT JOIN"',
  },
  {
    name: "columns that an outer join fills up count as never NULL",
    file: "plan/treatments/columns.ts",
    find: "neverNull: (facts) => !nullable.value && (",
    replace: "neverNull: (facts) => (",
  },
  {
    name: "a full join by USING shows the left column",
    file: "plan/plan-from.ts",
    find: 'type === "full" ? coalesce(analysis, [a, b]) : type === "right" ? b : a',
    replace: 'type === "right" ? b : a',
  },
  {
    name: "a right join by USING shows the left column",
    file: "plan/plan-from.ts",
    find: 'type === "full" ? coalesce(analysis, [a, b]) : type === "right" ? b : a',
    replace: 'type === "full" ? coalesce(analysis, [a, b]) : a',
  },
  {
    name: "the condition of a full join is not looked at",
    file: "plan/plan-from.ts",
    find: 'return bypass("join", "FULL JOIN on something else than equal columns");',
    replace: "void 0;",
  },
  {
    name: "NOT IN over a query is IN",
    file: "plan/plan-subquery.ts",
    find: '${negated ? "NOT IN" : "IN"}',
    replace: '${negated ? "IN" : "IN"}',
  },
  {
    name: "a value from several rows is the first of them",
    file: "plan/plan-subquery.ts",
    find: "if (!block.atMostOneRow()) return bypass(",
    replace: "if (block.columns.length > 1) return bypass(",
  },
  {
    name: "part of a key finds one row",
    file: "plan/single-row.ts",
    find: "key.every((column) => fixed.has(column))",
    replace: "key.some((column) => fixed.has(column))",
  },
  {
    name: "UNION keeps equal rows",
    file: "plan/plan-compound.ts",
    find: '" UNION ALL " : " UNION "',
    replace: '" UNION ALL " : " UNION ALL "',
  },
  {
    name: "INTERSECT ALL and EXCEPT ALL lose equal rows",
    file: "plan/plan-compound.ts",
    find: "if (!this.#all) return texts",
    replace: 'if (rows !== "") return texts',
  },
  {
    name: "texts of several columns are ordered by the ranks of each",
    file: "plan/plan-compound.ts",
    find: "type.collation?.bytewise === true || same;",
    replace: "type.collation?.bytewise === true || same || isText;",
  },
  {
    name: "DISTINCT ON keeps any row of its group",
    file: "plan/plan-select.ts",
    find: '${keys.join(", ")}${sort})`',
    replace: '${keys.join(", ")})`',
  },
  {
    name: "DISTINCT in FROM compares only what is asked for",
    file: "plan/relations.ts",
    find: "for (const sql of this.#block.compared) this.nameOf(sql);",
    replace: "void this.#block.compared;",
  },
  {
    name: "an aggregate that nobody asks for is left out",
    file: "plan/plan-select.ts",
    find: "if (scope.aggregates === 0 || groupBy.length > 0) return false;",
    replace: "return false;",
  },
  {
    name: "a lateral query without a row loses nothing",
    file: "plan/plan-lateral.ts",
    find: '(join.type === "left" && block.atMostOneRow())',
    replace: "block.atMostOneRow()",
  },
  {
    name: "PARTITION BY dropped",
    file: "plan/treatments/windows.ts",
    find: 'partition.length > 0 ? `PARTITION BY ${partition.join(", ")}` : "",',
    replace: '"",',
  },
  {
    name: "the frame of a window dropped",
    file: "plan/treatments/windows.ts",
    find: 'if (frame === null) return "";',
    replace: 'if (frame === null || frame.unit !== "range") return "";',
  },
  {
    name: "EXCLUDE dropped",
    file: "plan/treatments/windows.ts",
    find: 'frame.exclude === null ? "" :',
    replace: 'frame.exclude !== "" ? "" :',
  },
  {
    name: "lag and lead by two",
    file: "plan/treatments/windows.ts",
    find: "offset === undefined ? 1 :",
    replace: "offset === undefined ? 2 :",
  },
  {
    name: "FILTER dropped",
    file: "plan/plan-expression.ts",
    find: "filter = ` FILTER (WHERE ${condition})${over}`;",
    replace: "filter = over;",
  },
  {
    name: "texts of two collations are compared",
    file: "plan/treatments/comparison.ts",
    find: "a.collation !== null && a.collation.name === b.collation?.name",
    replace: 'a.collation !== null && a.collation.name !== ""',
  },
  {
    name: "ranks of two columns are compared",
    file: "plan/treatments/comparison.ts",
    find: "left.column.table.id === right.column?.table.id &&",
    replace: "right.column !== null &&",
  },
  {
    name: "IN over a query ignores how a decimal is kept",
    file: "plan/treatments/comparison.ts",
    find: "return scaleOf(a) === scaleOf(b) ? null : refusal;",
    replace: "return null;",
  },
  {
    name: "the order inside of an aggregate dropped",
    file: "plan/treatments/collecting.ts",
    find: 'return keys.length === 0 ? "" :',
    replace: 'return keys.length < 100 ? "" :',
  },
];
