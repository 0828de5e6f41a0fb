import type { Expression, Query, Target } from "../../../src/parse/ast.ts";
import type { Statement } from "../../../src/parse/statement.ts";

/** A lowered query as text, every operator in brackets, literals with their slot: `(a = 5#0)`. */
function printQuery(query: Query): string {
  const { from } = query;
  const parts = [
    `SELECT${query.distinct ? " DISTINCT" : ""} ${query.targets.map(target).join(", ")}`,
    `FROM ${from.name.join(".")}${from.alias === null ? "" : ` AS ${from.alias}`}`,
  ];
  if (query.where !== null) parts.push(`WHERE ${expression(query.where)}`);
  if (query.groupBy.length > 0) parts.push(`GROUP BY ${list(query.groupBy)}`);
  if (query.having !== null) parts.push(`HAVING ${expression(query.having)}`);
  if (query.orderBy.length > 0) {
    const items = query.orderBy.map((item) => {
      const nulls = item.nulls === null ? "" : ` NULLS ${item.nulls.toUpperCase()}`;
      return `${expression(item.expression)} ${item.descending ? "DESC" : "ASC"}${nulls}`;
    });
    parts.push(`ORDER BY ${items.join(", ")}`);
  }
  if (query.limit !== null) parts.push(`LIMIT ${expression(query.limit)}`);
  if (query.offset !== null) parts.push(`OFFSET ${expression(query.offset)}`);
  return parts.join(" ");
}

/** What a text was taken for, in one line. */
export function printStatement(statement: Statement): string {
  switch (statement.kind) {
    case "query": {
      const pinned = statement.pinned.length > 0 ? ` | pinned ${statement.pinned.join(" ")}` : "";
      return printQuery(statement.query) + pinned;
    }
    case "read":
      return `read ${statement.reason}: ${statement.detail}`;
    case "write": {
      const { changes } = statement;
      return `write ${statement.command} [${changes === "all" ? "all" : changes.map((name) => name.join(".")).join(" ")}]`;
    }
    case "session":
      return `session ${statement.command}`;
    case "unparsable":
      return "unparsable";
  }
}

function target(item: Target): string {
  if (item.kind === "star") return [...item.path, "*"].join(".");
  return expression(item.expression) + (item.alias === null ? "" : ` AS ${item.alias}`);
}

function list(items: readonly Expression[]): string {
  return items.map(expression).join(", ");
}

function not(negated: boolean): string {
  return negated ? "NOT " : "";
}

function expression(node: Expression): string {
  switch (node.kind) {
    case "literal": {
      const text = node.type === "string" ? `'${node.text.replaceAll("\n", "\\n")}'` : node.text;
      return `${node.negated ? "-" : ""}${text}${node.type === "decimal" ? "d" : ""}#${node.slot}`;
    }
    case "null":
      return "NULL";
    case "boolean":
      return node.value ? "TRUE" : "FALSE";
    case "column":
      return node.path.join(".");
    case "parameter":
      return `$${node.number}`;
    case "cast": {
      const modifiers = node.type.modifiers.length > 0 ? `(${node.type.modifiers.join(",")})` : "";
      return `(${expression(node.operand)} :: ${node.type.name.join(".")}${modifiers}${node.type.array ? "[]" : ""})`;
    }
    case "collate":
      return `(${expression(node.operand)} COLLATE ${node.collation.join(".")})`;
    case "comparison":
    case "arithmetic":
      return `(${expression(node.left)} ${node.operator} ${expression(node.right)})`;
    case "negate":
      return `(- ${expression(node.operand)})`;
    case "concat":
      return `(${expression(node.left)} || ${expression(node.right)})`;
    case "and":
    case "or":
      return `(${node.operands.map(expression).join(` ${node.kind.toUpperCase()} `)})`;
    case "not":
      return `(NOT ${expression(node.operand)})`;
    case "isNull":
      return `(${expression(node.operand)} IS ${not(node.negated)}NULL)`;
    case "isTruth":
      return `(${expression(node.operand)} IS ${not(node.negated)}${node.value === null ? "UNKNOWN" : String(node.value).toUpperCase()})`;
    case "isDistinct":
      return `(${expression(node.left)} IS ${not(node.negated)}DISTINCT FROM ${expression(node.right)})`;
    case "in":
      return `(${expression(node.operand)} ${not(node.negated)}IN (${list(node.list)}))`;
    case "anyOf":
      return `(${expression(node.operand)} ${node.negated ? "<> ALL" : "= ANY"} (${expression(node.array)}))`;
    case "between":
      return `(${expression(node.operand)} ${not(node.negated)}BETWEEN ${expression(node.low)} AND ${expression(node.high)})`;
    case "like":
      return `(${expression(node.operand)} ${not(node.negated)}${node.caseInsensitive ? "ILIKE" : "LIKE"} ${expression(node.pattern)})`;
    case "case": {
      const branches = node.branches.map((branch) => `WHEN ${expression(branch.when)} THEN ${expression(branch.then)}`);
      const operand = node.operand === null ? "" : ` ${expression(node.operand)}`;
      const otherwise = node.otherwise === null ? "" : ` ELSE ${expression(node.otherwise)}`;
      return `CASE${operand} ${branches.join(" ")}${otherwise} END`;
    }
    case "coalesce":
      return `COALESCE(${list(node.operands)})`;
    case "nullIf":
      return `NULLIF(${expression(node.left)}, ${expression(node.right)})`;
    case "call": {
      const inner = node.star ? "*" : `${node.distinct ? "DISTINCT " : ""}${list(node.operands)}`;
      const filter = node.filter === null ? "" : ` FILTER (${expression(node.filter)})`;
      const order = node.orderBy.map(
        ({ expression: item, descending, nulls }) =>
          `${expression(item)}${descending ? " DESC" : ""}${nulls === null ? "" : ` NULLS ${nulls.toUpperCase()}`}`,
      );
      const sorted = order.length === 0 ? "" : ` ORDER BY ${order.join(", ")}`;
      return `${node.name.join(".")}(${inner}${sorted})${filter}`;
    }
    case "extremum":
      return `${node.greatest ? "GREATEST" : "LEAST"}(${list(node.operands)})`;
  }
}
