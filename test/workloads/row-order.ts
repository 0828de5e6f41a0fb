import { loadModule, type Node, parseSync } from "libpg-query";
import { isLegal } from "../oracle/judge.ts";

await loadModule();

/** The columns of the result that a statement sorts by, in their order. */
export type RowOrder =
  | { readonly kind: "sorted"; readonly columns: readonly string[] }
  | { readonly kind: "unsorted" }
  /** It sorts by something that is not in the result: ties cannot be told from the rows. */
  | { readonly kind: "hidden" };

export function rowOrder(sql: string, fields: readonly string[]): RowOrder {
  const statement = parseSync(sql).stmts?.[0]?.stmt as Node | undefined;
  if (statement === undefined || !("SelectStmt" in statement)) return { kind: "unsorted" };
  const items = statement.SelectStmt.sortClause ?? [];
  if (items.length === 0) return { kind: "unsorted" };
  const columns: string[] = [];
  for (const item of items) {
    const column = "SortBy" in item ? resultColumn(item.SortBy.node, fields) : null;
    if (column === null) return { kind: "hidden" };
    columns.push(column);
  }
  return { kind: "sorted", columns };
}

/** `ORDER BY name` and `ORDER BY 2`. A qualified name is a column of a table, which need not be in the result. */
function resultColumn(node: Node | undefined, fields: readonly string[]): string | null {
  if (node === undefined) return null;
  if ("A_Const" in node) {
    const position = node.A_Const.ival?.ival;
    return position === undefined ? null : (fields[position - 1] ?? null);
  }
  if (!("ColumnRef" in node) || node.ColumnRef.fields?.length !== 1) return null;
  const [name] = node.ColumnRef.fields;
  const text = name !== undefined && "String" in name ? (name.String.sval ?? null) : null;
  return text !== null && fields.indexOf(text) === fields.lastIndexOf(text) && fields.includes(text) ? text : null;
}

const LIMIT = /\s+limit\s+(\d+)(?:\s+offset\s+(\d+))?\s*;?\s*$/i;

/** The statement without the `LIMIT n [OFFSET m]` at its end; `null` if it has none there. */
export function withoutLimit(sql: string): { readonly sql: string; readonly offset: number } | null {
  const found = LIMIT.exec(sql);
  return found === null ? null : { sql: sql.slice(0, found.index), offset: Number(found[2] ?? 0) };
}

/** A row of an answer: its canonical text and the canonical texts of the columns that it is sorted by. */
export interface JudgedRow {
  readonly text: string;
  readonly keys: string;
}

/**
 * Whether `actual` is an answer that the origin could have given where it gave `expected`: rows that tie may come in
 * another order, and a LIMIT may cut between them elsewhere.
 *
 * @param full the origin's rows without LIMIT; `expected` where there is none
 * @returns `null`, or how they differ
 */
export function compareRows(
  order: RowOrder,
  expected: readonly JudgedRow[],
  actual: readonly JudgedRow[],
  full: readonly JudgedRow[],
  offset: number,
): string | null {
  if (expected.length === actual.length && expected.every(({ text }, index) => text === actual[index]?.text)) {
    return null;
  }
  const texts = actual.map(({ text }) => text);
  let rank = 0;
  const ranked = full.map((row, index) => {
    if (row.keys !== full[index - 1]?.keys) rank += 1;
    return { text: row.text, rank };
  });
  const sorted = order.kind === "sorted";
  const legal = expected.length === actual.length && isLegal(texts, ranked, sorted ? offset : 0, sorted);
  if (legal) return null;
  const index = expected.findIndex(({ text }, at) => text !== actual[at]?.text);
  const at = index === -1 ? expected.length : index;
  return `${expected.length} rows expected, ${actual.length} given; row ${at + 1}: expected ${expected[at]?.text ?? "none"}, given ${actual[at]?.text ?? "none"}`;
}
