import type { ColumnType } from "../catalog.ts";
import { type Bypass, bypass } from "../outcome.ts";
import type { Query, SetOperation, Values } from "../parse/ast.ts";
import { type Analysis, isBypass, isTerm } from "./analysis.ts";
import { type Block, type BlockColumn, type Item, printItem } from "./block.ts";
import { union } from "./interval.ts";
import { planOrderBy, planRowCount, printLimits, printSortKeys } from "./ordering.ts";
import { planOperand, termOf } from "./plan-expression.ts";
import { planQuery } from "./plan-query.ts";
import { comparedColumns, isOneAtMost } from "./plan-select.ts";
import { ANYTHING } from "./relations.ts";
import type { Scope } from "./scope.ts";
import type { Facts, Operand, Output, Term } from "./term.ts";
import { isSameCollation } from "./treatments/collations.ts";
import { isSameColumn, sameColumn } from "./treatments/comparison.ts";
import { unify } from "./treatments/conditionals.ts";
import { computed } from "./treatments/expressions.ts";

/** SQLite takes 500 terms in a compound SELECT. */
const MAXIMUM_ROWS = 400;

/** One of the queries that are put together, or one row of VALUES. */
interface Branch {
  readonly columns: readonly BlockColumn[];
  print(items: readonly Item[]): string;
  readonly rowBound: (facts: Facts) => bigint;
}

export function planCompound(
  analysis: Analysis,
  query: Query,
  { operator, all, left, right }: SetOperation,
  outer: Scope | null,
  names: readonly string[] | null,
): Block | Bypass {
  const branches: Branch[] = [];
  for (const side of [left, right]) {
    const block = planQuery(analysis, side, outer);
    if (isBypass(block)) return block;
    branches.push(asBranch(block));
  }
  const kind = { operator, all, names };
  return planBranches(analysis, query, branches, kind);
}

export function planValues(analysis: Analysis, query: Query, { rows }: Values, outer: Scope | null): Block | Bypass {
  if (rows.length > MAXIMUM_ROWS) return bypass("unsupported-syntax", `VALUES with ${rows.length} rows`);
  const branches: Branch[] = [];
  const { pinsLiterals } = analysis;
  analysis.pinsLiterals = true;
  try {
    for (const row of rows) {
      const columns: BlockColumn[] = [];
      for (const expression of row) {
        const operand = analysis.within(outer, () => planOperand(analysis, expression));
        if (isBypass(operand)) return operand;
        const term = termOf(analysis, operand);
        if (isBypass(term)) return term;
        columns.push({ name: `column${columns.length + 1}`, operand, term });
      }
      branches.push({ columns, print: (items) => `SELECT ${items.map(printItem).join(", ")}`, rowBound: () => 1n });
    }
  } finally {
    analysis.pinsLiterals = pinsLiterals;
  }
  return planBranches(analysis, query, branches, { operator: "union", all: true, names: null });
}

/** A branch of a compound SELECT stands in parentheses of its own, with its order and its limits. */
function asBranch(block: Block): Branch {
  const { compared } = block;
  return {
    columns: block.columns,
    rowBound: block.rowBound,
    print: (items) => {
      const more = compared.filter((sql) => !items.some((item) => item.sql === sql)).map((sql) => ({ sql, as: null }));
      return `SELECT ${items.map(({ as, sql }) => as ?? sql).join(", ")} FROM (${block.print([...items, ...more])})`;
    },
  };
}

interface Kind {
  readonly operator: SetOperation["operator"];
  readonly all: boolean;
  readonly names: readonly string[] | null;
}

function planBranches(
  analysis: Analysis,
  query: Query,
  branches: readonly Branch[],
  { operator, all, names }: Kind,
): Block | Bypass {
  const [first] = branches;
  if (first === undefined || branches.some(({ columns }) => columns.length !== first.columns.length)) {
    return bypass("set-operation", "branches with different numbers of columns");
  }
  const rows = new CompoundRows(analysis, branches, operator, all);
  const columns: BlockColumn[] = [];
  for (const [index, { name }] of first.columns.entries()) {
    const term = rows.column(index);
    if (isBypass(term)) return term;
    columns.push({ name: names?.[index] ?? name, operand: term, term });
  }
  if (!(operator === "union" && all)) {
    // Asking for the forms makes them items: whole rows are compared.
    const compared = comparedColumns(analysis, columns);
    if (isBypass(compared)) return compared;
  }
  const limit = planRowCount(analysis, query.limit, -1);
  if (isBypass(limit)) return limit;
  const offset = planRowCount(analysis, query.offset, 0);
  if (isBypass(offset)) return offset;
  const orderBy = planOrderBy(analysis, query.orderBy, { columns, expressions: false });
  if (isBypass(orderBy)) return orderBy;
  return {
    columns,
    compared: [],
    print: (items) => {
      const clauses = [`SELECT ${items.map(printItem).join(", ")} FROM (${rows.print()}) AS ${rows.alias}`];
      if (orderBy.length > 0) clauses.push(`ORDER BY ${printSortKeys(analysis, orderBy)}`);
      return [...clauses, ...printLimits(limit, offset)].join(" ");
    },
    rowBound: (facts) => branches.reduce((sum, branch) => sum + branch.rowBound(facts), 0n),
    oneRow: false,
    atMostOneRow: () => isOneAtMost(analysis, query.limit),
    select: null,
  };
}

/**
 * The rows of several branches as one relation. A form of a column is that form in each branch; branches have the same
 * items in the same order, however many somebody asks for.
 */
class CompoundRows {
  readonly alias: string;
  readonly #analysis: Analysis;
  readonly #branches: readonly Branch[];
  readonly #operator: SetOperation["operator"];
  readonly #all: boolean;
  /** By the forms of all branches: the name that they have in common. */
  readonly #names = new Map<string, { readonly as: string; readonly forms: readonly string[] }>();

  constructor(analysis: Analysis, branches: readonly Branch[], operator: SetOperation["operator"], all: boolean) {
    this.#analysis = analysis;
    this.#branches = branches;
    this.#operator = operator;
    this.#all = all;
    this.alias = analysis.newAlias("q");
  }

  /** Brings a column of all branches to one type, as the origin does, and gives it as one term. */
  column(index: number): Term | Bypass {
    const operands: Operand[] = this.#branches.map(({ columns }) => columns[index]?.operand ?? { kind: "null" });
    const typed = operands.every((operand) => operand.kind === "null") ? nullTexts(this.#analysis, operands) : operands;
    const unified = unify(this.#analysis, typed);
    if (isBypass(unified)) return unified;
    const nothing = computed({ type: unified.type, sql: "NULL" });
    const terms = unified.terms.map((term) => term ?? nothing);
    return this.#term(unified.type, terms);
  }

  print(): string {
    const names = [...this.#names.values()];
    const texts = this.#branches.map((branch, index) => {
      const items = names.map(({ as, forms }) => ({ sql: forms[index] ?? "NULL", as }));
      return branch.print(items.length === 0 ? [ANYTHING] : items);
    });
    const rows = this.#operator.toUpperCase();
    // SQLite 3.53 loses rows when it flattens a UNION ALL into a join that a RIGHT or FULL JOIN stands in; a LIMIT keeps
    // it from flattening.
    const kept = this.#analysis.joinsFromRight ? " LIMIT -1" : "";
    if (this.#operator === "union") return `${texts.join(this.#all ? " UNION ALL " : " UNION ")}${kept}`;
    if (!this.#all) return texts.join(` ${rows} `);
    // SQLite has no INTERSECT ALL and EXCEPT ALL: equal rows are numbered, and each number is one row.
    const list = names.map(({ as }) => as).join(", ");
    const numbered = texts.map((text) => `SELECT *, row_number() OVER (PARTITION BY ${list}) AS n FROM (${text})`);
    return `SELECT ${list} FROM (${numbered.join(` ${rows} `)})`;
  }

  #term(type: ColumnType, terms: readonly Term[]): Term {
    const [first] = terms;
    const same = terms.every((term) => first !== undefined && (term === first || sameColumn(term, first)));
    const isText = type.kind === "text" || type.kind === "char";
    const isBytewise =
      type.collation?.bytewise === true && terms.every((term) => isSameCollation(term.type.collation, type.collation));
    const ordered = !isText || isBytewise || same;
    return {
      kind: "term",
      type,
      column: same ? (first?.column ?? null) : null,
      value: () => this.#form(terms.map((term) => term.value())),
      equality: () =>
        isText && type.collation === null
          ? bypass("collation", "texts of branches of two collations are compared")
          : this.#form(terms.map((term) => term.equality())),
      order: () =>
        ordered
          ? this.#form(terms.map((term) => term.order()))
          : bypass("collation", "the order of texts from several columns is not known"),
      output: () => this.#output(type, terms),
      wide: (facts) => terms.some((term) => term.wide(facts)),
      interval: (facts) => {
        const ranges = terms.map((term) => term.interval(facts));
        return ranges.reduce((a, b) => (a === null || b === null ? null : union(a, b)));
      },
      neverNull: (facts) => terms.every((term) => term.neverNull(facts)),
      canonical: (facts) => {
        for (const term of terms) {
          const refusal = term.canonical(facts);
          if (refusal !== null) return refusal;
        }
        return null;
      },
    };
  }

  #form(forms: readonly (string | Bypass)[]): string | Bypass {
    const texts: string[] = [];
    for (const form of forms) {
      if (typeof form !== "string") return form;
      texts.push(form);
    }
    const key = JSON.stringify(texts);
    const known = this.#names.get(key) ?? { as: `f${this.#names.size}`, forms: texts };
    this.#names.set(key, known);
    return `${this.alias}.${known.as}`;
  }

  #output(type: ColumnType, terms: readonly Term[]): { readonly sql: string; readonly output: Output } | Bypass {
    const outputs: { readonly sql: string; readonly output: Output }[] = [];
    for (const term of terms) {
      const output = term.output();
      if (isBypass(output)) return output;
      outputs.push(output);
    }
    const [first] = outputs;
    if (first === undefined || !outputs.every(({ output }) => isSameOutput(output, first.output))) {
      return bypass("set-operation", "branches whose values are stored in different ways");
    }
    const sql = this.#form(outputs.map((output) => output.sql));
    return typeof sql === "string" ? { sql, output: { ...first.output, type } } : sql;
  }
}

function nullTexts(analysis: Analysis, operands: readonly Operand[]): readonly Operand[] {
  return operands.map((operand) =>
    isTerm(operand) ? operand : computed({ type: analysis.builtin("text"), sql: "NULL" }),
  );
}

export function isSameOutput(a: Output, b: Output): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind === "scaled" && b.kind === "scaled") return a.scale === b.scale;
  if (a.kind === "ordinal") return a.type.oid === b.type.oid;
  if (a.kind === "position" && b.kind === "position") {
    return isSameColumn(a.column, b.column);
  }
  return true;
}
