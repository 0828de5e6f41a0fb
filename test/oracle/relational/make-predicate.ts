import { quoteString } from "../print.ts";
import { BOOL, type Kind, type SqlType, TEXT } from "../sql-type.ts";
import type { Grammar } from "./grammar.ts";
import { makeArray, sample } from "./make-constant.ts";
import { makeScalarSubquery, NUMBERS, pickColumn, scopeType } from "./make-value.ts";
import { list, type Node, node, parameter } from "./node.ts";
import { type Choice, columnsOf, reference, type Scope } from "./scope.ts";

const SORT = "value bool";
const TEXTS: readonly Kind[] = ["text", "varchar", "char"];
const MOMENTS: readonly Kind[] = ["date", "timestamp", "timestamptz"];
const COMPARISONS = ["=", "=", "=", "=", "<>", "<", "<=", ">", ">="] as const;

/** What rows are looked up by. */
const KEY_KINDS: readonly Kind[] = ["int4", "int8", "int2", "uuid", "date", "numeric"];

interface Operand {
  readonly node: Node;
  readonly type: SqlType;
  readonly choice: Choice | null;
}

/** A condition. */
export function makePredicate(g: Grammar, scope: Scope, depth: number): Node {
  const nested = depth > 0 ? 1 : 0;
  const kind = g.choose("predicate", {
    comparison: 8,
    columns: 2,
    logic: 4 * nested,
    not: 1.2 * nested,
    isNull: 1.6,
    isTruth: 0.7,
    isDistinct: 1,
    in: 2,
    inSubquery: 1.4 * nested,
    exists: 1.6 * nested,
    any: 1.6,
    quantified: 0.3 * nested,
    between: 1.5,
    like: 2,
    row: 0.7,
    rowIn: 0.6,
    rowInSubquery: 0.4 * nested,
    value: 0.8,
    now: 0.3,
    overlaps: 0.05,
    regexp: 0.15,
    json: 0.25,
    constant: 0.3,
  });
  const not = g.shape.chance(0.3) ? "NOT " : "";
  switch (kind) {
    case "comparison": {
      const operand = makeOperand(g, scope, depth);
      const operator = g.shape.pick(COMPARISONS);
      const right = g.shape.chance(0.8)
        ? g.constant(operand.type, operand.choice)
        : subqueryOrValue(g, scope, operand.type, depth);
      return g.shape.chance(0.9) ? compared(operand.node, operator, right) : compared(right, operator, operand.node);
    }
    case "columns": {
      const operand = makeOperand(g, scope, 0);
      const other = namesake(g, scope, operand) ?? pickColumn(g, scope, familyOf(operand.type));
      const right =
        other === null ? g.constant(operand.type, operand.choice) : reference(g.shape, other.scope, other.choice);
      return compared(operand.node, g.shape.pick(COMPARISONS), right);
    }
    case "logic": {
      const word = g.shape.pick(["AND", "AND", "OR"]);
      const items = g.shape.times(g.shape.int(2, 3), () => makePredicate(g, scope, depth - 1));
      return node(word.toLowerCase(), SORT, {
        role: word,
        before: "(",
        between: ` ${word} `,
        after: ")",
        items,
        atLeast: 1,
      });
    }
    case "not":
      return node("not", SORT, "(NOT ", makePredicate(g, scope, depth - 1), ")");
    case "isNull":
      return node(`is ${not}null`, SORT, "(", makeOperand(g, scope, depth).node, ` IS ${not}NULL)`);
    case "isTruth": {
      const truth = g.shape.pick(["TRUE", "FALSE", "UNKNOWN"]);
      return node(`is ${not}${truth}`, SORT, "(", makePredicate(g, scope, depth - 1), ` IS ${not}${truth})`);
    }
    case "isDistinct": {
      const operand = makeOperand(g, scope, depth);
      const right = subqueryOrValue(g, scope, operand.type, depth);
      return node(`is ${not}distinct from`, SORT, "(", operand.node, ` IS ${not}DISTINCT FROM `, right, ")");
    }
    case "in": {
      const operand = makeOperand(g, scope, depth);
      const items = g.shape.times(g.shape.pick([1, 2, 3, 3, 10]), () => g.constant(operand.type, operand.choice));
      return node(`${not}in list`, SORT, "(", operand.node, ` ${not}IN (`, list(items), "))");
    }
    case "inSubquery": {
      const operand = makeOperand(g, scope, 0, KEY_KINDS);
      const { node: query } = g.select({ outer: scope, depth: depth - 1, types: [operand.type] });
      return node(`${not}in subquery`, SORT, "(", operand.node, ` ${not}IN (`, query, "))");
    }
    case "exists": {
      const single = g.shape.chance(0.12);
      const { node: query } = g.select({ outer: scope, depth: depth - 1, types: null, single });
      return node(`${not}exists`, SORT, `(${not}EXISTS (`, query, "))");
    }
    case "any":
      return makeAny(g, scope, depth, not !== "");
    case "quantified": {
      const operand = makeOperand(g, scope, 0);
      const { node: query } = g.select({ outer: scope, depth: depth - 1, types: [operand.type] });
      const word = g.shape.pick(["ANY", "ALL", "SOME"]);
      return node(
        `${word} (subquery)`,
        SORT,
        "(",
        operand.node,
        ` ${g.shape.pick(COMPARISONS)} ${word} (`,
        query,
        "))",
      );
    }
    case "between": {
      const operand = makeOperand(g, scope, depth);
      const bound = () => g.constant(operand.type, operand.choice);
      const symmetric = g.shape.chance(0.08) ? "SYMMETRIC " : "";
      return node(
        `${not}between ${symmetric}`,
        SORT,
        "(",
        operand.node,
        ` ${not}BETWEEN ${symmetric}`,
        bound(),
        " AND ",
        bound(),
        ")",
      );
    }
    case "like":
      return makeLike(g, scope, depth, not);
    case "row":
    case "rowIn":
    case "rowInSubquery":
      return makeRow(g, scope, depth, kind, not);
    case "value":
      return g.shape.chance(0.5) ? (leafColumn(g, scope) ?? g.value(scope, BOOL, depth)) : g.value(scope, BOOL, 0);
    case "now":
      return makeNow(g, scope);
    case "overlaps":
      return overlaps(g, scope);
    case "regexp": {
      const operator = g.shape.pick(["~", "~*", "!~", "SIMILAR TO"]);
      return node(
        "regexp",
        SORT,
        "(",
        g.value(scope, TEXT, 0),
        ` ${operator} '${g.shape.pick(["a", "^A", "[0-9]+", "b$"])}')`,
      );
    }
    case "json": {
      const column = pickColumn(g, scope, ["jsonb"]);
      if (column === null) return node("true", SORT, "TRUE");
      const test = g.shape.pick([
        " @> '{\"a\": 1}'",
        " ? 'a'",
        " = '{}'",
        ' <@ \'{"a":{"b":null}}\'',
        " -> 'a' IS NULL",
        " ->> 'b' = '1'",
      ]);
      return node("jsonb operator", SORT, "(", reference(g.shape, column.scope, column.choice), `${test})`);
    }
    case "constant":
      return node("boolean", SORT, g.shape.pick(["TRUE", "TRUE", "FALSE", "1 = 1", "1 = 0", "NULL"]));
  }
}

function leafColumn(g: Grammar, scope: Scope): Node | null {
  const found = pickColumn(g, scope, ["bool"]);
  return found === null ? null : reference(g.shape, found.scope, found.choice);
}

/** The column of the same name in another relation: mostly of the same type. */
function namesake(g: Grammar, scope: Scope, { choice }: Operand): { scope: Scope; choice: Choice } | null {
  if (choice === null || g.shape.chance(0.5)) return null;
  const others = columnsOf(scope).filter(
    ({ relation, column }) =>
      column.name === choice.column.name && relation !== choice.relation && relation.alias !== "",
  );
  return others.length === 0 ? null : { scope, choice: g.shape.pick(others) };
}

function compared(left: Node, operator: string, right: Node): Node {
  return node(`comparison ${operator}`, SORT, "(", left, ` ${operator} `, right, ")");
}

/** A column, or now and then an expression. */
function makeOperand(g: Grammar, scope: Scope, depth: number, preferred: readonly Kind[] | null = null): Operand {
  const found =
    (preferred === null || g.shape.chance(0.2) ? null : pickColumn(g, scope, preferred)) ?? pickColumn(g, scope, null);
  if (
    found === null ||
    g.shape.chance(g.calm > 10 ? 0.02 : 0.15) ||
    (found.choice.column.type.kind === "json" && g.shape.chance(0.9))
  ) {
    const type = scopeType(g, scope);
    return { node: g.value(scope, type, depth), type, choice: null };
  }
  const { type } = found.choice.column;
  return { node: reference(g.shape, found.scope, found.choice), type, choice: found.choice };
}

function subqueryOrValue(g: Grammar, scope: Scope, type: SqlType, depth: number): Node {
  if (depth > 0 && g.chance("scalar", 0.35)) return makeScalarSubquery(g, scope, type, depth);
  return g.shape.chance(0.6) ? g.value(scope, type, 0) : g.value(scope, type, depth - 1);
}

function familyOf(type: SqlType): readonly Kind[] {
  return [NUMBERS, TEXTS, MOMENTS].find((kinds) => kinds.includes(type.kind)) ?? [type.kind];
}

function makeAny(g: Grammar, scope: Scope, depth: number, negated: boolean): Node {
  const found = pickColumn(g, scope, null);
  if (found === null) return node("true", SORT, "TRUE");
  const operand = g.shape.chance(0.85)
    ? reference(g.shape, found.scope, found.choice)
    : g.value(scope, found.choice.column.type, depth);
  const word = negated ? "<> ALL" : "= ANY";
  return node(
    `${word} (array)`,
    SORT,
    "(",
    operand,
    ` ${word} (`,
    makeArray(g, found.choice.column.type, found.choice),
    "))",
  );
}

function makeLike(g: Grammar, scope: Scope, depth: number, not: string): Node {
  const found = pickColumn(g, scope, TEXTS);
  const operand =
    found !== null && g.shape.chance(0.85)
      ? reference(g.shape, found.scope, found.choice)
      : g.value(scope, TEXT, depth);
  const word = g.shape.pick(["LIKE", "LIKE", "ILIKE"]);
  const kind = `${not}${word.toLowerCase()}`;
  if (g.shape.chance(0.08))
    return node(`${kind} of a value`, SORT, "(", operand, ` ${not}${word} `, g.value(scope, TEXT, 0), ")");
  const text = sample(g, TEXT, found?.choice ?? null) ?? "";
  const letters = [...text];
  const part = letters.slice(g.values.int(0, 2), g.values.int(1, 4)).join("");
  const pattern = g.values.pick([
    `${part}%`,
    `%${part}%`,
    `%${part}`,
    text,
    `_${letters.slice(1).join("")}`,
    "%",
    "",
    "%\\%%",
    "a\\_%",
    "%_%",
  ]);
  const escaped = g.shape.chance(0.03) ? " ESCAPE '!'" : "";
  if (g.shape.chance(0.1)) {
    const right = node("||", "value text", "('%' || ", g.constant(TEXT, found?.choice ?? null), " || '%')");
    return node(`${kind} of a concatenation`, SORT, "(", operand, ` ${not}${word} `, right, ")");
  }
  const right = g.shape.chance(g.parameters)
    ? node("parameter", "value text", parameter(pattern))
    : node("literal", "value text", quoteString(pattern));
  return node(kind, SORT, "(", operand, ` ${not}${word} `, right, `${escaped})`);
}

function makeRow(g: Grammar, scope: Scope, depth: number, form: "row" | "rowIn" | "rowInSubquery", not: string): Node {
  const columns = columnsOf(scope);
  if (columns.length === 0) return node("true", SORT, "TRUE");
  const chosen = g.shape.times(g.shape.pick([2, 2, 3]), () => g.shape.pick(columns));
  const row = (items: readonly Node[]): Node => node("", "row", "(", list(items, 2), ")");
  const left = row(chosen.map((choice) => reference(g.shape, scope, choice)));
  const constants = () => row(chosen.map((choice) => g.constant(choice.column.type, choice)));
  switch (form) {
    case "row": {
      const operator = g.shape.pick(["=", "=", "<>", "<", ">="]);
      const right = g.shape.chance(0.6) ? constants() : row(chosen.map(({ column }) => g.value(scope, column.type, 0)));
      return node(`row ${operator}`, SORT, "(", left, ` ${operator} `, right, ")");
    }
    case "rowIn":
      return node(
        `row ${not}in list`,
        SORT,
        "(",
        left,
        ` ${not}IN (`,
        list(g.shape.times(g.shape.int(1, 3), constants)),
        "))",
      );
    case "rowInSubquery": {
      const { node: query } = g.select({
        outer: scope,
        depth: depth - 1,
        types: chosen.map(({ column }) => column.type),
      });
      return node(`row ${not}in subquery`, SORT, "(", left, ` ${not}IN (`, query, "))");
    }
  }
}

/** Compared only, never shown: the two sides do not ask in the same microsecond. */
function makeNow(g: Grammar, scope: Scope): Node {
  const found = pickColumn(g, scope, MOMENTS);
  if (found === null) return node("true", SORT, "TRUE");
  const name = g.shape.pick(["now()", "current_date", "current_timestamp", "localtimestamp"]);
  const moment = g.shape.chance(0.4) ? `${name} - interval '${g.shape.pick(["1 day", "30 days", "1 year"])}'` : name;
  return node(
    "now()",
    SORT,
    "(",
    reference(g.shape, found.scope, found.choice),
    ` ${g.shape.pick(["<", ">=", ">", "<="])} ${moment})`,
  );
}

function overlaps(g: Grammar, scope: Scope): Node {
  const date = () => g.value(scope, { kind: "date", name: { name: ["date"], modifiers: [], array: false } }, 0);
  return node("overlaps", SORT, "((", date(), ", ", date(), ") OVERLAPS (", date(), ", ", date(), "))");
}
