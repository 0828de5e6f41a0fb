import { Random } from "./random.ts";
import type { Expression, OrderItem, QualifiedName, Query, Target, TypeName } from "./single-table.ts";

/** Words of the generator's names that the origin's grammar reserves. */
const RESERVED = new Set([
  "order",
  "select",
  "user",
  "from",
  "where",
  "group",
  "limit",
  "all",
  "and",
  "or",
  "not",
  "null",
  "table",
]);

export function quoteIdentifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.has(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

export function quoteString(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

export function typeText(type: TypeName): string {
  const modifiers = type.modifiers.length > 0 ? `(${type.modifiers.join(",")})` : "";
  return `${type.name.map(quoteIdentifier).join(".")}${modifiers}${type.array ? "[]" : ""}`;
}

export interface Printed {
  readonly sql: string;
  /** The parameters that the text uses, in the order of their numbers. */
  readonly params: readonly unknown[];
}

/** Extra select-list text and the clauses to leave out, for the judging statement. */
export interface PrintOptions {
  readonly extraTarget?: (item: (item: OrderItem) => string) => string;
  /** No parenthesis is left out, whatever the style: where another text of the same query has to mean the same. */
  readonly careful?: boolean;
}

/**
 * Prints a query as text. Parameters are numbered anew in the order of appearance, so a shrunk query has no gaps.
 * `style` 0 prints every parenthesis; other seeds vary spelling, and some leave parentheses out (the text is then the
 * query: both sides read the same text).
 */
export function printQuery(
  query: Query,
  values: readonly unknown[],
  style: number,
  options: PrintOptions = {},
): Printed {
  return new Printer(values, style, options.careful === true).query(query, options);
}

const SHORT_TYPES: { readonly [name: string]: string } = {
  int2: "smallint",
  int4: "integer",
  int8: "bigint",
  float8: "double precision",
  bool: "boolean",
  varchar: "character varying",
  timestamptz: "timestamp with time zone",
};

class Printer {
  readonly #values: readonly unknown[];
  readonly #random: Random | null;
  readonly #loose: boolean;
  readonly #upper: boolean;
  readonly #numbers = new Map<number, number>();
  readonly #used: unknown[] = [];

  constructor(values: readonly unknown[], style: number, careful: boolean) {
    this.#values = values;
    this.#random = style === 0 ? null : new Random(style);
    this.#loose = this.#chance(0.25) && !careful;
    this.#upper = !this.#chance(0.3);
  }

  query(query: Query, options: PrintOptions): Printed {
    const parts = [`${this.#word("SELECT")}${query.distinct ? this.#word(" DISTINCT") : ""}`];
    const targets = query.targets.map((target) => this.#target(target));
    if (options.extraTarget !== undefined) targets.push(options.extraTarget((item) => this.#orderItem(item)));
    parts.push(targets.join(this.#chance(0.2) ? "," : ", "));
    const alias = query.from.alias === null ? "" : `${this.#chance(0.5) ? " AS" : ""} ${this.#name(query.from.alias)}`;
    parts.push(`${this.#word("FROM")} ${this.#path(query.from.name)}${alias}`);
    if (query.where !== null) parts.push(`${this.#word("WHERE")} ${this.#expression(query.where)}`);
    if (query.groupBy.length > 0) {
      parts.push(`${this.#word("GROUP BY")} ${query.groupBy.map((item) => this.#expression(item)).join(", ")}`);
    }
    if (query.having !== null) parts.push(`${this.#word("HAVING")} ${this.#expression(query.having)}`);
    if (query.orderBy.length > 0) {
      parts.push(`${this.#word("ORDER BY")} ${query.orderBy.map((item) => this.#orderItem(item)).join(", ")}`);
    }
    const limit = query.limit === null ? [] : [`${this.#word("LIMIT")} ${this.#expression(query.limit)}`];
    const offset = query.offset === null ? [] : [`${this.#word("OFFSET")} ${this.#expression(query.offset)}`];
    parts.push(...(this.#chance(0.2) ? [...offset, ...limit] : [...limit, ...offset]));
    const space = this.#chance(0.15) ? "\n" : this.#chance(0.1) ? " /* it's; -- $9 */ " : " ";
    return {
      sql: (this.#chance(0.05) ? "\n\t" : "") + parts.join(space) + (this.#chance(0.1) ? " ;" : ""),
      params: this.#used,
    };
  }

  #orderItem(item: OrderItem): string {
    const direction = item.descending ? " DESC" : this.#chance(0.3) ? " ASC" : "";
    const nulls = item.nulls === null ? "" : ` NULLS ${item.nulls}`;
    return `${this.#expression(item.expression)}${this.#word(direction)}${this.#word(nulls.toUpperCase())}`;
  }

  #target(target: Target): string {
    if (target.kind === "star") return [...target.path.map((part) => this.#name(part)), "*"].join(".");
    const text = this.#expression(target.expression);
    return target.alias === null
      ? text
      : `${text}${this.#chance(0.8) ? this.#word(" AS") : ""} ${this.#label(target.alias)}`;
  }

  /** A label without AS must not be a key word: quoted always unless plain. */
  #label(name: string): string {
    return /^[a-z]\d?$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
  }

  #name(name: string): string {
    if (name === "ünï" && this.#chance(0.3)) return this.#chance(0.5) ? name : "ÜNï";
    const quoted = quoteIdentifier(name);
    if (quoted.startsWith('"')) return quoted;
    if (this.#chance(0.15)) return `"${quoted}"`;
    return this.#chance(0.08) ? quoted.toUpperCase() : quoted;
  }

  #path(path: QualifiedName): string {
    return path.map((part) => this.#name(part)).join(".");
  }

  #word(text: string): string {
    return this.#upper ? text : text.toLowerCase();
  }

  #chance(probability: number): boolean {
    return this.#random?.chance(probability) ?? false;
  }

  /** An operand: in parentheses unless it is a leaf or the style is careless. */
  #wrapped(expression: Expression): string {
    const text = this.#expression(expression);
    switch (expression.kind) {
      case "column":
      case "parameter":
      case "null":
      case "boolean":
      case "call":
      case "coalesce":
      case "nullIf":
        return text;
      case "literal":
        return expression.negated ? `(${text})` : text;
      default:
        return this.#loose && this.#chance(0.6) ? text : `(${text})`;
    }
  }

  #list(items: readonly Expression[]): string {
    return items.map((item) => this.#expression(item)).join(", ");
  }

  #expression(expression: Expression): string {
    switch (expression.kind) {
      case "literal": {
        if (expression.type === "string") return this.#string(expression.text);
        const number = this.#number(expression.text);
        return expression.negated ? `-${number}` : number;
      }
      case "null":
        return this.#word("NULL");
      case "boolean":
        return this.#word(expression.value ? "TRUE" : "FALSE");
      case "column":
        return this.#path(expression.path);
      case "parameter":
        return this.#parameter(expression.number);
      case "cast":
        return this.#cast(expression.operand, expression.type);
      case "collate":
        return `${this.#wrapped(expression.operand)} ${this.#word("COLLATE")} ${expression.collation.map(quoteIdentifier).join(".")}`;
      case "comparison": {
        const operator = expression.operator === "<>" && this.#chance(0.4) ? "!=" : expression.operator;
        return this.#binary(expression.left, operator, expression.right);
      }
      case "arithmetic":
        return this.#binary(expression.left, expression.operator, expression.right);
      case "negate":
        return `- ${this.#wrapped(expression.operand)}`;
      case "concat":
        return this.#binary(expression.left, "||", expression.right);
      case "and":
      case "or":
        return expression.operands
          .map((operand) => this.#wrapped(operand))
          .join(` ${this.#word(expression.kind.toUpperCase())} `);
      case "not":
        return `${this.#word("NOT")} ${this.#wrapped(expression.operand)}`;
      case "isNull":
        return `${this.#wrapped(expression.operand)} ${this.#word(expression.negated ? "IS NOT NULL" : "IS NULL")}`;
      case "isTruth": {
        const truth = expression.value === null ? "UNKNOWN" : expression.value ? "TRUE" : "FALSE";
        return `${this.#wrapped(expression.operand)} ${this.#word(`IS ${expression.negated ? "NOT " : ""}${truth}`)}`;
      }
      case "isDistinct":
        return this.#binary(
          expression.left,
          this.#word(`IS ${expression.negated ? "NOT " : ""}DISTINCT FROM`),
          expression.right,
        );
      case "in":
        return `${this.#wrapped(expression.operand)} ${this.#word(expression.negated ? "NOT IN" : "IN")} (${this.#list(expression.list)})`;
      case "anyOf":
        return `${this.#wrapped(expression.operand)} ${this.#word(expression.negated ? "<> ALL" : "= ANY")} (${this.#expression(expression.array)})`;
      case "between":
        return `${this.#wrapped(expression.operand)} ${this.#word(expression.negated ? "NOT BETWEEN" : "BETWEEN")} ${this.#wrapped(expression.low)} ${this.#word("AND")} ${this.#wrapped(expression.high)}`;
      case "like": {
        const operator = `${expression.negated ? "NOT " : ""}${expression.caseInsensitive ? "ILIKE" : "LIKE"}`;
        return this.#binary(expression.operand, this.#word(operator), expression.pattern);
      }
      case "case": {
        const operand = expression.operand === null ? "" : ` ${this.#expression(expression.operand)}`;
        const branches = expression.branches.map(
          ({ when, then }) =>
            ` ${this.#word("WHEN")} ${this.#expression(when)} ${this.#word("THEN")} ${this.#expression(then)}`,
        );
        const otherwise =
          expression.otherwise === null ? "" : ` ${this.#word("ELSE")} ${this.#expression(expression.otherwise)}`;
        return `${this.#word("CASE")}${operand}${branches.join("")}${otherwise} ${this.#word("END")}`;
      }
      case "coalesce":
        return `${this.#word("COALESCE")}(${this.#list(expression.operands)})`;
      case "nullIf":
        return `${this.#word("NULLIF")}(${this.#list([expression.left, expression.right])})`;
      case "call": {
        const inner = expression.star
          ? "*"
          : `${expression.distinct ? this.#word("DISTINCT ") : ""}${this.#list(expression.operands)}`;
        const filter =
          expression.filter === null
            ? ""
            : ` ${this.#word("FILTER")} (${this.#word("WHERE")} ${this.#expression(expression.filter)})`;
        return `${expression.name.join(".")}(${inner})${filter}`;
      }
    }
  }

  #binary(left: Expression, operator: string, right: Expression): string {
    return `${this.#wrapped(left)} ${operator} ${this.#wrapped(right)}`;
  }

  #cast(operand: Expression, type: TypeName): string {
    const name = type.name[0] ?? "";
    const long = type.modifiers.length === 0 && !type.array && type.name.length === 1 && this.#chance(0.3);
    const text = long ? (SHORT_TYPES[name] ?? typeText(type)) : typeText(type);
    if (this.#chance(0.3)) return `${this.#word("CAST")}(${this.#expression(operand)} ${this.#word("AS")} ${text})`;
    if (operand.kind === "literal" && operand.type === "string" && !type.array && this.#chance(0.2)) {
      return `${typeText(type)} ${this.#string(operand.text)}`;
    }
    return `${this.#wrapped(operand)}::${text}`;
  }

  #string(value: string): string {
    if (this.#chance(0.05)) return `E${quoteString(value.replaceAll("\\", "\\\\"))}`;
    if (!value.includes("$") && this.#chance(0.03)) return `$q$${value}$q$`;
    if (value.length > 1 && !value.includes("\\") && this.#chance(0.02)) {
      return `${quoteString(value.slice(0, 1))}\n  ${quoteString(value.slice(1))}`;
    }
    return quoteString(value);
  }

  /** Spellings that servers know since when they know them; the others raise on both sides. */
  #number(text: string): string {
    if (/^0\.\d+$/.test(text) && this.#chance(0.1)) return text.slice(1);
    if (!this.#chance(0.02)) return text;
    if (/^\d{2,15}$/.test(text))
      return this.#chance(0.5) ? `0x${Number(text).toString(16)}` : `${text[0]}_${text.slice(1)}`;
    return /^\d+\.\d+$/.test(text) ? `${text}e0` : `${text}.`;
  }

  #parameter(index: number): string {
    let number = this.#numbers.get(index);
    if (number === undefined) {
      this.#used.push(this.#values[index - 1]);
      number = this.#used.length;
      this.#numbers.set(index, number);
    }
    return `$${number}`;
  }
}
