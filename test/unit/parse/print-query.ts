import type {
  CommonTable,
  Expression,
  FrameBound,
  FromItem,
  OrderItem,
  Query,
  QueryBody,
  Select,
  Target,
  Window,
} from "../../../src/parse/ast.ts";
import type { Statement } from "../../../src/parse/statement.ts";

/** A lowered query as text, every operator in brackets, literals with their slot: `(a = 5#0)`. */
function printQuery(query: Query): string {
  const parts: string[] = [];
  if (query.with.length > 0) parts.push(`WITH ${query.with.map(commonTable).join(", ")}`);
  parts.push(body(query.body));
  if (query.orderBy.length > 0) parts.push(`ORDER BY ${query.orderBy.map(orderItem).join(", ")}`);
  if (query.limit !== null) parts.push(`LIMIT ${expression(query.limit)}`);
  if (query.offset !== null) parts.push(`OFFSET ${expression(query.offset)}`);
  return parts.join(" ");
}

function commonTable({ name, columnAliases, query, recursive }: CommonTable): string {
  return `${recursive ? "RECURSIVE " : ""}${name}${aliases(columnAliases)} AS (${printQuery(query)})`;
}

function body(node: QueryBody): string {
  switch (node.kind) {
    case "select":
      return select(node);
    case "setOperation": {
      const operator = `${node.operator.toUpperCase()}${node.all ? " ALL" : ""}`;
      return `(${printQuery(node.left)}) ${operator} (${printQuery(node.right)})`;
    }
    case "values":
      return `VALUES ${node.rows.map((row) => `(${list(row)})`).join(", ")}`;
  }
}

function select({ distinct, targets, from, where, groupBy, having }: Select): string {
  const unique = Array.isArray(distinct) ? ` DISTINCT ON (${list(distinct)})` : distinct === true ? " DISTINCT" : "";
  const parts = [`SELECT${unique}${targets.length === 0 ? "" : ` ${targets.map(target).join(", ")}`}`];
  if (from !== null) parts.push(`FROM ${fromItem(from)}`);
  if (where !== null) parts.push(`WHERE ${expression(where)}`);
  if (groupBy.length > 0) parts.push(`GROUP BY ${list(groupBy)}`);
  if (having !== null) parts.push(`HAVING ${expression(having)}`);
  return parts.join(" ");
}

/** Joins in brackets. */
function fromItem(item: FromItem): string {
  switch (item.kind) {
    case "table":
      return `${item.name.join(".")}${alias(item.alias)}${aliases(item.columnAliases)}`;
    case "derived": {
      const lateral = item.lateral ? "LATERAL " : "";
      return `${lateral}(${printQuery(item.query)})${alias(item.alias)}${aliases(item.columnAliases)}`;
    }
    case "join": {
      const { condition } = item;
      const natural = condition?.kind === "natural" ? "NATURAL " : "";
      const on =
        condition?.kind === "on"
          ? ` ON ${expression(condition.expression)}`
          : condition?.kind === "using"
            ? ` USING (${condition.columns.join(", ")})`
            : "";
      return `(${fromItem(item.left)} ${natural}${item.type.toUpperCase()} JOIN ${fromItem(item.right)}${on})`;
    }
  }
}

function alias(name: string | null): string {
  return name === null ? "" : ` AS ${name}`;
}

function aliases(names: readonly string[]): string {
  return names.length === 0 ? "" : `(${names.join(", ")})`;
}

function orderItem({ expression: key, descending, nulls }: OrderItem): string {
  return `${expression(key)} ${descending ? "DESC" : "ASC"}${nulls === null ? "" : ` NULLS ${nulls.toUpperCase()}`}`;
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
  return expression(item.expression) + alias(item.alias);
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
    case "document":
      return `(${expression(node.left)} ${node.operator} ${expression(node.right)})`;
    case "array":
      return `ARRAY[${list(node.items)}]`;
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
      return `(${expression(node.operand)} ${not(node.negated)}${node.caseInsensitive ? "ILIKE" : "LIKE"} ${expression(node.pattern)}${escapeClause(node.escape)})`;
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
      const order = node.orderBy.length === 0 ? "" : ` ORDER BY ${node.orderBy.map(orderItem).join(", ")}`;
      const inner = node.star ? "*" : `${node.distinct ? "DISTINCT " : ""}${list(node.operands)}${order}`;
      const filter = node.filter === null ? "" : ` FILTER (${expression(node.filter)})`;
      const over = node.over === null ? "" : ` OVER (${window(node.over)})`;
      const field = node.field === undefined ? "" : `${node.field} FROM `;
      return `${node.name.join(".")}(${field}${inner})${filter}${over}`;
    }
    case "wholeRow":
      return `${node.path.join(".")}.*`;
    case "row":
      return `ROW(${list(node.items)})`;
    case "exists":
      return `EXISTS (${printQuery(node.query)})`;
    case "scalarQuery":
      return `(${printQuery(node.query)})`;
    case "inQuery":
      return `(${expression(node.operand)} ${not(node.negated)}IN (${printQuery(node.query)}))`;
    case "extremum":
      return `${node.greatest ? "GREATEST" : "LEAST"}(${list(node.operands)})`;
  }
}

function window({ partitionBy, orderBy, frame }: Window): string {
  const parts: string[] = [];
  if (partitionBy.length > 0) parts.push(`PARTITION BY ${list(partitionBy)}`);
  if (orderBy.length > 0) parts.push(`ORDER BY ${orderBy.map(orderItem).join(", ")}`);
  if (frame !== null) {
    const exclude = frame.exclude === null ? "" : ` EXCLUDE ${frame.exclude.toUpperCase()}`;
    parts.push(`${frame.unit.toUpperCase()} BETWEEN ${bound(frame.start)} AND ${bound(frame.end)}${exclude}`);
  }
  return parts.join(" ");
}

function bound(node: FrameBound): string {
  return "offset" in node ? `${expression(node.offset)} ${node.kind.toUpperCase()}` : node.kind.toUpperCase();
}

function escapeClause(character: string | undefined): string {
  return character === undefined ? "" : ` ESCAPE '${character}'`;
}
